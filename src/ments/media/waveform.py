"""How loud a sound is from its beginning to its end: as numbers, and as a picture."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from PIL import Image, ImageDraw

from ments.media.argv import Limits
from ments.media.pictures_argv import loudness_argv
from ments.media.programs import GIB, check_finished
from ments.media.sandbox import Sandbox

PARTS = 200
WAVEFORM_FILE = "waveform.webp"
LEVELS_FILE = "peaks.json"
WIDTH, HEIGHT = 800, 160
_BARS = 80
"""Fewer than the parts: a page shows the picture at a third of its size, and bars shall be told apart."""
_BAR, _GAP = 6, 4
_GREEN = (22, 163, 74, 255)
"""The look's accent, readable on its light and on its dark ground (`--accent`)."""
_SILENT_DB = -80.0
_CURVE = 0.7
"""Below 1: what is half as loud as the loudest is seen at more than half the height, as it is heard."""


@dataclass(frozen=True, slots=True)
class WaveformMade:
    """The loudness of up to 200 equal parts, 0 to 100 with the loudest 100, all 0 for silence; sizes in px."""

    levels: tuple[int, ...]
    picture_file: str
    levels_file: str
    width: int
    height: int


async def make_waveform(sandbox: Sandbox, ffmpeg: str, source: Path, folder: Path, *, length_s: float) -> WaveformMade:
    """Write `waveform.webp` (bars on a transparent ground) and `peaks.json` (`{"length_s", "levels"}`) into `folder`.

    source    any sound; a rendition of ours costs the least
    length_s  of the sound
    Raises UnplayableMedia with words for the author, Retryable when the machine was at fault.
    """
    lines: list[str] = []
    limits = Limits(wall_s=round(120 + length_s / 10), cpu_s=round(60 + length_s / 20), memory=GIB, file=1)
    finished = await sandbox.run(
        lambda seen, out: loudness_argv(ffmpeg, seen, length_s=length_s, parts=PARTS),
        source=source,
        folder=folder,
        programs=[ffmpeg],
        limits=limits,
        on_line=lines.append,
    )
    check_finished(finished, "ffmpeg")
    levels = levels_of(lines)
    await asyncio.to_thread(_write, levels, length_s, folder)
    return WaveformMade(levels, WAVEFORM_FILE, LEVELS_FILE, WIDTH, HEIGHT)


def levels_of(lines: Iterable[str]) -> tuple[int, ...]:
    """Levels from what ffmpeg printed: `...RMS_level=-21.3` in dB below the loudest possible, `-inf` for silence."""
    loudness = [_decibels(line.partition("=")[2]) for line in lines if line.startswith("lavfi.")][:PARTS]
    loudest = max(loudness, default=_SILENT_DB)
    if loudest <= _SILENT_DB:
        return (0,) * len(loudness)
    return tuple(
        round(100 * 10 ** ((decibels - loudest) / 20 * _CURVE)) if decibels > _SILENT_DB else 0 for decibels in loudness
    )


def _decibels(text: str) -> float:
    try:
        decibels = float(text)
    except ValueError:
        return _SILENT_DB
    return decibels if math.isfinite(decibels) else _SILENT_DB


def _write(levels: tuple[int, ...], length_s: float, folder: Path) -> None:
    (folder / LEVELS_FILE).write_bytes(msgspec.json.encode({"length_s": round(length_s, 3), "levels": levels}))
    picture = Image.new("RGBA", (WIDTH, HEIGHT), (*_GREEN[:3], 0))
    draw = ImageDraw.Draw(picture)
    for place in range(_BARS):
        first, end = place * len(levels) // _BARS, (place + 1) * len(levels) // _BARS
        half = max(_BAR // 2, round(max(levels[first : max(end, first + 1)], default=0) * (HEIGHT - 2 * _GAP) / 200))
        left = place * (_BAR + _GAP) + _GAP // 2
        upright = (left, HEIGHT // 2 - half, left + _BAR - 1, HEIGHT // 2 + half - 1)
        draw.rounded_rectangle(upright, radius=_BAR // 2, fill=_GREEN)
    picture.save(folder / WAVEFORM_FILE, "WEBP", lossless=True, method=4)
