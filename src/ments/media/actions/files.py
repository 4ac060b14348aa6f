"""Many files at once, into storage and inside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from ments.errors import Retryable
from ments.media.plan import MadeFile
from ments.observe import span
from ments.parts import Parts

T = TypeVar("T")
CACHE_CONTROL = "public, max-age=31536000, immutable"
AT_ONCE = 8


async def store_files(parts: Parts, media_id: UUID, generation: str, folder: Path, files: Iterable[MadeFile]) -> None:
    """Put files of `folder` into a generation's folder. Raises Away."""
    listed = list(files)

    async def put(file: MadeFile) -> None:
        key = f"media/{media_id}/{generation}/{file.name}"
        await parts.bucket.upload(key, folder / file.name, file.content_type, CACHE_CONTROL)

    with span("store", files=len(listed)):
        await do_each(listed, put)


async def copy_files(parts: Parts, media_id: UUID, source: str, target: str, names: Iterable[str]) -> None:
    """Copy files from one generation to another, inside storage. Raises Retryable when one is not there."""
    listed = list(names)

    async def copy(name: str) -> None:
        if not await parts.bucket.copy(f"media/{media_id}/{source}/{name}", f"media/{media_id}/{target}/{name}"):
            raise Retryable(f"The file {name} of these media is not in storage.", code="output_missing")

    with span("copy", files=len(listed)):
        await do_each(listed, copy)


async def remove_files(parts: Parts, media_id: UUID, generation: str, names: Iterable[str]) -> None:
    """Remove files of a generation; those that are gone are fine. Raises Away."""
    await do_each(list(names), lambda name: parts.bucket.delete(f"media/{media_id}/{generation}/{name}"))


async def are_stored(parts: Parts, media_id: UUID, generation: str, files: Iterable[MadeFile]) -> bool:
    """Whether all of these files lie there, as long as they were."""

    async def look(file: MadeFile) -> None:
        head = await parts.bucket.head(f"media/{media_id}/{generation}/{file.name}")
        if head is None or head.size != file.bytes:
            raise _Missing

    listed = list(files)
    try:
        await do_each(listed, look)
    except _Missing:
        return False
    return bool(listed)


class _Missing(Exception):
    pass


async def do_each(items: list[T], work: Callable[[T], Awaitable[object]]) -> None:
    """Do it with all, a few at once; the first trouble ends the rest."""
    waiting = iter(items)

    async def go_on() -> None:
        for item in waiting:
            await work(item)

    workers = [asyncio.ensure_future(go_on()) for _ in range(min(AT_ONCE, len(items)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
