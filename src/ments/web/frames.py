"""The shape that a picture or video is given in a page before any of it has arrived. Pure."""

from __future__ import annotations

from dataclasses import dataclass

TALLEST = 4 / 5
WIDEST = 2 / 1
_CLOSE = 0.03


@dataclass(frozen=True, slots=True)
class Frame:
    """Sides of a frame in the same (arbitrary) unit.

    boxed    higher than wide: kept within the window's height, with bars at its sides
    contain  the media has another shape than the frame and is shown whole within it
    """

    width: int
    height: int
    boxed: bool = False
    contain: bool = False


def photo_frame(width: int | None, height: int | None) -> Frame:
    """Frame a photo in its own shape, between 4:5 and 2:1; what is beyond is cropped."""
    if not width or not height:
        return Frame(3, 2)
    ratio = width / height
    if ratio < TALLEST:
        return Frame(4, 5)
    if ratio > WIDEST:
        return Frame(2, 1)
    return Frame(width, height)


def video_frame(width: int | None, height: int | None) -> Frame:
    """Frame a video as 16:9, or as 9:16 when it is higher than wide."""
    if not width or not height:
        return Frame(16, 9)
    if width >= height:
        return Frame(16, 9, contain=abs(width / height / (16 / 9) - 1) > _CLOSE)
    return Frame(9, 16, boxed=True, contain=True)
