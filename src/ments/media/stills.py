"""A film's poster and, beside it, the few pixels that its blurhash is made of: no second program has to open it. Pure."""

from __future__ import annotations

from ments.media.model import Rendition

POSTER_FILE = "poster.jpg"
TINY_FILE = "poster.rgb"
TINY_PX = 32
"""The longer side of what a blurhash is made of: 3 ms in Python; 640 px would be 1339."""


def still_filters(rendition: Rendition) -> str:
    """What follows the choice of a picture of the rendition's size; it ends in [poster] and [tiny]."""
    width, height = tiny_size(rendition)
    # JPEG is full range, the film is not.
    return f"scale=out_range=pc,split=2[poster][still1];[still1]scale={width}:{height}:flags=area,format=rgb24[tiny]"


def still_argv(folder: str) -> list[str]:
    """The outputs of `still_filters`: `poster.jpg`, and `poster.rgb`, three bytes a pixel."""
    return [
        *("-map", "[poster]", "-frames:v", "1", "-update", "1", "-q:v", "3"),
        *("-f", "image2", f"file:{folder}/{POSTER_FILE}"),
        *("-map", "[tiny]", "-frames:v", "1", "-f", "rawvideo", f"file:{folder}/{TINY_FILE}"),
    ]


def tiny_size(rendition: Rendition) -> tuple[int, int]:
    """Width and height in px."""
    scale = min(1.0, TINY_PX / max(rendition.width, rendition.height))
    return max(1, round(rendition.width * scale)), max(1, round(rendition.height * scale))


def find_blurhash(pixels: bytes, rendition: Rendition) -> str | None:
    """The blurhash of what `poster.rgb` holds; None when it is not of its size."""
    import blurhash  # only workers need it

    width, height = tiny_size(rendition)
    if len(pixels) != 3 * width * height:
        return None
    points = [list(pixels[place : place + 3]) for place in range(0, len(pixels), 3)]
    rows = [points[first : first + width] for first in range(0, len(points), width)]
    across, down = (4, 3) if width >= height else (3, 4)
    return str(blurhash.encode(rows, components_x=across, components_y=down))
