"""Sealed bytes: whole, or not at all."""

from hypothesis import assume, given
from hypothesis import strategies as st

from ments.cache.versioned import seal, unseal


@given(st.binary(max_size=300), st.data())
def test_what_is_cut_or_altered_is_not_read(value: bytes, data: st.DataObject) -> None:
    sealed = seal(value)
    assert unseal(sealed) == value
    assert unseal(sealed[: data.draw(st.integers(0, len(sealed) - 1))]) is None
    assert unseal(sealed + data.draw(st.binary(min_size=1, max_size=5))) is None
    place = data.draw(st.integers(0, len(sealed) - 1))
    altered = bytearray(sealed)
    altered[place] ^= data.draw(st.integers(1, 255))
    assume(bytes(altered) != sealed)
    assert unseal(bytes(altered)) is None
