"""A few seconds of a film that move by themselves, for lists and for a pointer that rests on them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from ments.media.argv import NICE_LATER, Limits
from ments.media.pictures_argv import PREVIEW_FILE, preview_argv
from ments.media.programs import GIB, check_finished
from ments.media.sandbox import Sandbox

log = structlog.get_logger()
PREVIEW_MAX_BYTES = 400_000
PREVIEW_LIMITS = Limits(wall_s=120, cpu_s=60, memory=GIB, file=8 * 1024 * 1024, niceness=NICE_LATER)
_SECONDS = 3.0
_SHORT_SIDE = 240
_TRIES = ((10, 30), (5, 10))
"""Pictures a second and quality. Measured on films: the first gives 100 to 200 kB; the second is for flicker and grain."""


@dataclass(frozen=True, slots=True)
class PreviewMade:
    """A moving picture without sound; sizes in px."""

    file: str
    width: int
    height: int
    bytes: int


async def make_preview(
    sandbox: Sandbox, ffmpeg: str, source: Path, folder: Path, *, width: int, height: int, length_s: float
) -> PreviewMade | None:
    """Write `preview.webp`: 3 s from a third into the film, 240 px on the short side, 10 pictures a second.

    source         a rendition of ours with one picture stream, the smaller the cheaper
    width, height  of that rendition, in px; length_s of the film
    Returns None when it would take more than 400 kB. Raises UnplayableMedia, Retryable.
    """
    scale = min(1.0, _SHORT_SIDE / min(width, height))
    across, down = (max(2, round(side * scale / 2) * 2) for side in (width, height))
    start_s = max(0.0, min(length_s / 3, length_s - _SECONDS))
    preview = folder / PREVIEW_FILE
    for rate, quality in _TRIES:
        command = partial(
            preview_argv,
            ffmpeg,
            start_s=start_s,
            length_s=_SECONDS,
            width=across,
            height=down,
            rate=rate,
            quality=quality,
        )
        finished = await sandbox.run(
            command,
            source=source,
            folder=folder,
            programs=[ffmpeg],
            limits=PREVIEW_LIMITS,
        )
        check_finished(finished, "ffmpeg")
        size = (await asyncio.to_thread(preview.stat)).st_size
        if size <= PREVIEW_MAX_BYTES:
            return PreviewMade(PREVIEW_FILE, across, down, size)
    log.info("preview_too_large", bytes=size)
    await asyncio.to_thread(preview.unlink)
    return None
