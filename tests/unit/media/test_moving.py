"""Which photos say that they move."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from ments.media.moving import says_it_moves


def chunk(name: bytes, size: int) -> bytes:
    return struct.pack(">I", size) + name + bytes(size + 4)


PNG = b"\x89PNG\r\n\x1a\n"


def test_an_apng_says_so_before_its_first_pixels() -> None:
    assert says_it_moves(PNG + chunk(b"IHDR", 13) + chunk(b"iCCP", 3000) + chunk(b"acTL", 8) + chunk(b"IDAT", 9))
    assert not says_it_moves(PNG + chunk(b"IHDR", 13) + chunk(b"IDAT", 9) + chunk(b"acTL", 8))
    assert not says_it_moves(PNG + struct.pack(">I", 2**31) + b"tEXt" + b"acTL" * 20)
    assert not says_it_moves(PNG)


def test_a_webp_says_so_in_its_flags() -> None:
    head = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0"
    assert says_it_moves(head + b"\x12")
    assert not says_it_moves(head + b"\x10")
    assert not says_it_moves(head)
    assert not says_it_moves(b"RIFF\0\0\0\0WEBPVP8 " + b"\xff" * 20)


@given(st.binary(max_size=400))
def test_any_bytes_are_answered(data: bytes) -> None:
    assert says_it_moves(PNG + data) in (True, False)
    assert not says_it_moves(b"\xff\xd8" + data)
