"""A query that is read without unquoting says what it would have said with it."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.web.straight import read_plain

PIECES = st.sampled_from(
    ["kind", "limit", "a_b", "=", "=", "&", "&", "%41", "%", "+", ";", "latest", "20", "A-z_9.~", "é"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_is_read_plainly_is_what_is_said(text: str) -> None:
    found = read_plain(text.encode())
    if found is not None:
        assert list(found.items()) == parse_qsl(text, keep_blank_values=True)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_left(query: bytes) -> None:
    found = read_plain(query)
    assert found is None or list(found.items()) == parse_qsl(query.decode(), keep_blank_values=True)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (b"", {}),
        (b"kind=latest&limit=5", {"kind": "latest", "limit": "5"}),
        (b"kind=", {"kind": ""}),
        (b"kind=a&kind=b", None),
        (b"kind=a&", None),
        (b"&kind=a", None),
        (b"kind", None),
        (b"kind=a+b", None),
        (b"kind=%61", None),
        (b"kind=a;limit=1", None),
        (b"kind=a\n", None),
    ],
)
def test_what_is_plain(query: bytes, found: dict[str, str] | None) -> None:
    assert read_plain(query) == found
