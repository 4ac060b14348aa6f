"""How deep JSON may nest."""

from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ments.web.body import DEPTH_MAX, is_too_deep

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\[]{}', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='k"\\[{', max_size=3), inner, max_size=3)
    ),
    max_leaves=30,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(item) for item in value), default=0)
    return 0


@given(documents, st.integers(0, 6))
def test_it_counts_as_a_parser_does(document: Any, most: int) -> None:
    assert is_too_deep(json.dumps(document).encode(), most) == (depth(document) > most)


def test_the_bound_itself_passes() -> None:
    assert not is_too_deep(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)
    assert is_too_deep(b"[" * (DEPTH_MAX + 1))


def test_brackets_in_texts_do_not_count() -> None:
    assert not is_too_deep(json.dumps({"text": '["\\[' * 200}).encode())


def test_a_mebibyte_takes_less_than_a_second() -> None:
    for body in (b"[" * 1024 * 1024, b"[]," * 349_525, b'"\\' * 524_288, b'["' * 524_288, b'[{"a":"\\"[["},' * 70_000):
        started = time.process_time()
        is_too_deep(body)
        assert time.process_time() - started < 1
