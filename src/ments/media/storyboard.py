"""Small pictures of a whole film, so that whoever seeks sees where they go: which, how large, where on the sheet. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ments.media.chunks import KEYFRAME_S

TILES_MAX = 200
TILE_SIDE_PX = 160
"""The longer side of a tile; more is not seen above a finger or a mouse."""

COLUMNS = ROWS = 5
"""25 tiles of a wide film are about 60 KB of JPEG, fetched when the pointer comes near; one sheet of 200 would be 500."""


@dataclass(frozen=True, slots=True)
class Storyboard:
    """What the sheets of one film look like. Sizes in px, times in s.

    interval_s  how much of the film one tile stands for; a multiple of the distance of keyframes
    count       tiles of all sheets together; the rest of the last sheet stays black
    """

    length_s: float
    interval_s: int
    count: int
    tile_width: int
    tile_height: int
    columns: int
    rows: int

    @property
    def sheets(self) -> int:
        return -(-self.count // (self.columns * self.rows))

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(f"storyboard-{number:03d}.jpg" for number in range(self.sheets))

    @property
    def width(self) -> int:
        """Of each sheet, in px."""
        return self.columns * self.tile_width

    @property
    def height(self) -> int:
        return self.rows * self.tile_height

    def place(self, tile: int) -> tuple[str, int, int]:
        """The sheet's file and the upper left corner of a tile on it."""
        sheet, cell = divmod(tile, self.columns * self.rows)
        row, column = divmod(cell, self.columns)
        return self.files[sheet], column * self.tile_width, row * self.tile_height


def plan_storyboard(length_s: float, width: int, height: int) -> Storyboard:
    """Decide which pictures of a film are shown, and how small.

    length_s       of the picture, above 0
    width, height  as it is shown, in px

    Never upscales, keeps the shape; sides are even, and at least 2. At most TILES_MAX tiles. Raises ValueError.
    """
    if not (math.isfinite(length_s) and length_s > 0 and width > 0 and height > 0):
        raise ValueError(f"no storyboard of {width}x{height} for {length_s} s")
    interval = KEYFRAME_S * max(1, math.ceil(length_s / (KEYFRAME_S * TILES_MAX)))
    count = max(1, math.ceil(length_s / interval))
    scale = min(1.0, TILE_SIDE_PX / max(width, height))
    columns = min(COLUMNS, count)
    return Storyboard(
        length_s=length_s,
        interval_s=interval,
        count=count,
        tile_width=_even(width * scale),
        tile_height=_even(height * scale),
        columns=columns,
        rows=min(ROWS, -(-count // columns)),
    )


def write_storyboard_vtt(board: Storyboard) -> str:
    """The WebVTT by which players find a tile: each cue names a sheet and the part of it to show."""
    lines = ["WEBVTT", ""]
    for tile in range(board.count):
        file, left, top = board.place(tile)
        start = tile * board.interval_s
        end = min(start + board.interval_s, board.length_s)
        lines += [
            f"{format_vtt_time(start)} --> {format_vtt_time(max(end, start + 0.001))}",
            f"{file}#xywh={left},{top},{board.tile_width},{board.tile_height}",
            "",
        ]
    return "\n".join(lines)


def format_vtt_time(seconds: float) -> str:
    """`01:02:03.004`, rounded to ms; 0 or more."""
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)
