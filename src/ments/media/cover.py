"""The picture that comes with a sound."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from ments.media.argv import Limits
from ments.media.model import UnplayableMedia
from ments.media.photo import PhotoMade, make_poster
from ments.media.pictures_argv import COVER_FILE, cover_argv
from ments.media.programs import GIB, MIB, check_finished
from ments.media.sandbox import Sandbox

log = structlog.get_logger()
COVER_LIMITS = Limits(wall_s=120, cpu_s=40, memory=GIB, file=32 * MIB)
_NO_COVER = "matches no streams"


async def take_cover(sandbox: Sandbox, ffmpeg: str, source: Path, folder: Path) -> PhotoMade | None:
    """Write `poster.webp`, 640 px at most, of the picture that is attached to a sound; None when there is none to show.

    source  the original: renditions have no cover
    A cover that can't be read is no reason to refuse the sound. Raises Retryable when the machine was at fault.
    """
    finished = await sandbox.run(
        lambda seen, out: cover_argv(ffmpeg, seen, out),
        source=source,
        folder=folder,
        programs=[ffmpeg],
        limits=COVER_LIMITS,
    )
    if _NO_COVER in finished.errors:
        return None
    cover = folder / COVER_FILE
    try:
        check_finished(finished, "ffmpeg")
        return await make_poster(sandbox, cover, folder) if await asyncio.to_thread(cover.exists) else None
    except UnplayableMedia as error:
        log.info("cover_unreadable", cause=error.safe)
        return None
    finally:
        await asyncio.to_thread(cover.unlink, missing_ok=True)
