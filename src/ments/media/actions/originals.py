"""The original on this worker's disk, as all that is made of it needs it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from uuid import UUID

from ments.media.folder import work_folder
from ments.media.kept_originals import forget_original, keep_original
from ments.media.model import UnplayableMedia
from ments.media.programs import ffmpeg_of, sandbox_of
from ments.media.render import Progress, Workshop, unroll_original
from ments.observe import span
from ments.parts import Parts
from ments.storage import ObjectHead

MISSING = "The file is not in storage any more. Send it again."


@asynccontextmanager
async def hold_original(parts: Parts, media_id: UUID, key: str, head: ObjectHead) -> AsyncIterator[Path]:
    """Hold the file that is to be worked on: the original, or the film that a moving picture was made into.

    Raises UnplayableMedia when it is not in storage any more, ObjectReplaced when another one took its place, and Away.
    """

    async def fetch(folder: Path) -> Path:
        source, film = folder / "source", folder / "film"
        with span("download", bytes=head.size):
            if await parts.bucket.download(key, source, etag=head.etag) is None:
                raise UnplayableMedia(MISSING, code="original_missing")
        film.mkdir()
        return await unroll_original(workshop_of(parts, lambda fraction: None), source, film)

    async with keep_original(_root(parts), _name(media_id, head), head.size, fetch) as path:
        yield path


async def let_original_go(parts: Parts, media_id: UUID, head: ObjectHead) -> None:
    """Nobody will need it here."""
    await forget_original(_root(parts), _name(media_id, head))


def work_folder_of(parts: Parts, needed_bytes: int) -> AbstractContextManager[Path]:
    """A folder for one try; see `work_folder`."""
    return work_folder(needed_bytes, _root(parts))


def workshop_of(parts: Parts, on_progress: Progress) -> Workshop:
    """What rendering needs in this process."""
    return Workshop(sandbox_of(parts.settings), ffmpeg_of(parts.settings), on_progress)


def _root(parts: Parts) -> Path:
    return parts.settings.home / "work" / "originals"


def _name(media_id: UUID, head: ObjectHead) -> str:
    # An etag is storage's word, and becomes part of a path.
    return f"{media_id}-{hashlib.sha256(head.etag.encode()).hexdigest()[:16]}"
