"""The few pixels that a film's blurhash is made of."""

from __future__ import annotations

import pytest

from ments.media.model import Rendition
from ments.media.stills import find_blurhash, still_filters, tiny_size


@pytest.mark.parametrize(
    ("sides", "tiny"),
    [((1280, 720), (32, 18)), ((720, 1280), (18, 32)), ((16, 16), (16, 16)), ((4096, 16), (32, 1))],
    ids=["wide", "tall", "small", "strip"],
)
def test_tiny_keeps_the_shape_and_never_upscales(sides: tuple[int, int], tiny: tuple[int, int]) -> None:
    assert tiny_size(Rendition(*sides, 0)) == tiny
    assert f"scale={tiny[0]}:{tiny[1]}:flags=area,format=rgb24[tiny]" in still_filters(Rendition(*sides, 0))


def test_a_blurhash_of_pixels() -> None:
    wide = find_blurhash(bytes((200, 30, 30)) * 32 * 18, Rendition(1280, 720, 0))
    tall = find_blurhash(bytes((200, 30, 30)) * 18 * 32, Rendition(720, 1280, 0))
    assert wide is not None
    assert tall is not None
    # Its first digit says how many parts: four by three, or three by four.
    assert (wide[0], tall[0]) == ("L", "T")
    assert wide[2:6] == tall[2:6]


def test_pixels_that_are_not_all_there_have_none() -> None:
    assert find_blurhash(bytes(3 * 32 * 18 - 1), Rendition(1280, 720, 0)) is None
