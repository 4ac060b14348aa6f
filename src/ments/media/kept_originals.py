"""Originals that were fetched stay on the worker's disk for a while: the pieces of a film that run here share one."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from ments.errors import Retryable

log = structlog.get_logger()
KEPT_BYTES = 8 * 1024**3
KEPT_S = 1800.0
"""Unused for so long it goes, whatever room there is: its owner may have erased it."""
_LOCK_STEP_S = 0.1
_RESERVE_BYTES = 512 * 1024 * 1024

Fetch = Callable[[Path], Awaitable[Path]]
"""Writes the original into an empty folder; returns the file that is to be worked on."""


@asynccontextmanager
async def keep_original(root: Path, name: str, size: int, fetch: Fetch) -> AsyncIterator[Path]:
    """Hold one original on this disk, fetching it unless it lies here.

    root   the worker's folder for them, made if need be
    name   of these very bytes: a folder's
    size   in bytes
    Raises Retryable when there is no room, and what `fetch` raises.
    """
    await asyncio.to_thread(root.mkdir, 0o700, True, True)
    held = await _hold(root, name, size, fetch)
    try:
        folder, whole = root / name, root / name / "whole"
        yield folder / whole.read_text()
        if whole.exists():
            os.utime(whole)
    finally:
        os.close(held)


async def _hold(root: Path, name: str, size: int, fetch: Fetch) -> int:
    """Have it here and share its lock: who wants to remove it can't have it alone, others may read it too."""
    folder, whole = root / name, root / name / "whole"
    while True:
        held = await _lock(root / f"{name}.lock")
        try:
            if not whole.exists():
                await asyncio.to_thread(_make_room, root, size)
                await asyncio.to_thread(shutil.rmtree, folder, True)
                await asyncio.to_thread(folder.mkdir)
                path = await fetch(folder)
                await asyncio.to_thread(whole.write_text, str(path.relative_to(folder)))
            os.utime(whole)
            # From alone to shared is two steps (flock(2)): somebody may remove it in between.
            fcntl.flock(held, fcntl.LOCK_SH)
            if os.fstat(held).st_nlink:
                return held
        except BaseException:
            os.close(held)
            raise
        os.close(held)


async def forget_original(root: Path, name: str) -> None:
    """Remove one, unless somebody reads it."""
    await asyncio.to_thread(_remove, root, name)


async def _lock(path: Path) -> int:
    """Lock for this process alone; the lock dies with it. Whoever removed the file in between made another one needed."""
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if await _is_shared(path, held):
                        return held
                    await asyncio.sleep(_LOCK_STEP_S)
            if os.fstat(held).st_nlink:
                return held
        except BaseException:
            os.close(held)
            raise
        os.close(held)


async def _is_shared(path: Path, held: int) -> bool:
    """Whether it lies here whole and is read by others: then it is read by us too."""
    if not (path.with_suffix("") / "whole").exists():
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return bool(os.fstat(held).st_nlink) and (path.with_suffix("") / "whole").exists()


def _make_room(root: Path, size: int) -> None:
    """Remove what was not used for long, and more of it as long as there is too much. Raises Retryable."""
    kept = sorted(
        (folder for folder in root.iterdir() if folder.is_dir()), key=lambda folder: _used_at(folder), reverse=True
    )
    room, now = KEPT_BYTES - size, time.time()
    for folder in kept:
        room -= _size_of(folder)
        if room < 0 or now - _used_at(folder) > KEPT_S:
            _remove(root, folder.name)
    if shutil.disk_usage(root).free < size + _RESERVE_BYTES:
        log.error("disk_full", folder=str(root), needed_bytes=size)
        raise Retryable("There is no room on the worker's disk at the moment.", code="disk_full")


def _size_of(folder: Path) -> int:
    """In bytes, of what is there: another worker may be removing it."""
    size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += Path(where, name).stat().st_size
    return size


def _used_at(folder: Path) -> float:
    try:
        return (folder / "whole").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _remove(root: Path, name: str) -> None:
    lock = root / f"{name}.lock"
    held = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(held).st_nlink:
            return  # another worker removed it in between; what lies there now is somebody's, under a newer lock
        shutil.rmtree(root / name, ignore_errors=True)
        lock.unlink(missing_ok=True)
    except BlockingIOError:
        return  # in use
    finally:
        os.close(held)
