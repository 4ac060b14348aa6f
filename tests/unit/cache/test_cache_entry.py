"""A cached page's form: what was cut or altered is never served."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ments.cache.entry import Entry, pack_entry, unpack_entry

entries = st.builds(
    Entry, value=st.binary(max_size=300), fresh_until=st.floats(min_value=0, max_value=4e9, allow_nan=False)
)


@given(entries)
def test_it_comes_back(entry: Entry) -> None:
    assert unpack_entry(pack_entry(entry)) == entry


@given(entries, st.data())
def test_a_cut_one_does_not(entry: Entry, data: st.DataObject) -> None:
    raw = pack_entry(entry)
    cut = data.draw(st.integers(min_value=0, max_value=len(raw) - 1))
    assert unpack_entry(raw[:cut]) is None


@given(entries.filter(lambda entry: entry.value), st.data())
def test_an_altered_value_does_not(entry: Entry, data: st.DataObject) -> None:
    raw = bytearray(pack_entry(entry))
    at = data.draw(st.integers(min_value=len(raw) - len(entry.value), max_value=len(raw) - 1))
    raw[at] ^= data.draw(st.integers(min_value=1, max_value=255))
    assert unpack_entry(bytes(raw)) is None


@given(st.binary(max_size=100))
def test_other_bytes_do_not(raw: bytes) -> None:
    assert unpack_entry(raw) is None


def test_another_version_does_not() -> None:
    assert unpack_entry(b"p0" + pack_entry(Entry(b"x", 1.0))[2:]) is None
