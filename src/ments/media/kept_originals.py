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

from ments.errors import Away, Retryable

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
    Raises Away when there is no room, Retryable when there never will be, and what `fetch` raises.
    """
    await asyncio.to_thread(root.mkdir, 0o700, True, True)
    held, path = await _hold(root, name, size, fetch)
    try:
        yield path
        _touch(root / name)
    finally:
        os.close(held)


async def _hold(root: Path, name: str, size: int, fetch: Fetch) -> tuple[int, Path]:
    """Have it here and share its lock: who wants to remove it can't have it alone, others may read it too."""
    folder = root / name
    while True:
        held = await _lock(root / f"{name}.lock")
        try:
            path = _find_whole(folder)
            if path is None:
                await asyncio.to_thread(_thin_out, root, size)
                await asyncio.shield(asyncio.to_thread(_empty, folder, os.dup(held)))
                path = await fetch(folder)
                _note_whole(folder, path)
            _touch(folder)
            # From alone to shared is two steps (flock(2)): somebody may remove it in between, or be about to.
            with suppress(BlockingIOError):
                fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
                if os.fstat(held).st_nlink:
                    return held, path
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
    folder = path.with_suffix("")
    if _find_whole(folder) is None:
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return bool(os.fstat(held).st_nlink) and _find_whole(folder) is not None


def _empty(folder: Path, held: int) -> None:
    """Begin anew. Whoever waits may be cancelled, a thread goes on: its copy of the lock keeps others away until it is through."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    finally:
        os.close(held)


def _note_whole(folder: Path, path: Path) -> None:
    """Write down which file it is, and its size, in one step: nobody takes what was cut short for it."""
    note = folder / "whole.new"
    note.write_text(f"{path.stat().st_size} {path.relative_to(folder)}")
    note.replace(folder / "whole")


def _find_whole(folder: Path) -> Path | None:
    """The file, if all of it is here: a machine that loses its power may keep the note and not the bytes."""
    try:
        size, name = (folder / "whole").read_text().split(" ", 1)
        return folder / name if (folder / name).stat().st_size == int(size) else None
    except (FileNotFoundError, ValueError):
        return None


def _touch(folder: Path) -> None:
    with suppress(FileNotFoundError):
        os.utime(folder / "whole")


def make_room(disk: Path, needed_bytes: int, originals: Path | None) -> None:
    """Let originals go that nobody reads, the one that was used last at the end, while a disk has too little room.

    disk       a folder on it
    originals  where they lie; it may not be there, or on another disk
    Raises Away when that doesn't do, and Retryable when the disk is too small altogether: another worker's may be larger.
    """
    wanted = needed_bytes + _RESERVE_BYTES
    with suppress(FileNotFoundError):
        if originals and originals.stat().st_dev == disk.stat().st_dev:
            for folder in reversed(_list_kept(originals)):
                if shutil.disk_usage(disk).free >= wanted:
                    break
                _remove(originals, folder.name)
    usage = shutil.disk_usage(disk)
    if usage.free >= wanted:
        return
    log.error("disk_full", folder=str(disk), needed_bytes=needed_bytes, free_bytes=usage.free, total_bytes=usage.total)
    if usage.total < wanted:
        raise Retryable("There is no room for a file of this size on the worker's disk.", code="disk_too_small")
    raise Away("There is no room on the worker's disk at the moment.", code="disk_full")


def _thin_out(root: Path, size: int) -> None:
    """Remove what was not used for long, and more as long as there is too much beside one of `size` bytes. Raises Away, Retryable."""
    room, now = KEPT_BYTES - size, time.time()
    for folder in _list_kept(root):
        room -= _size_of(folder)
        if room < 0 or now - _used_at(folder) > KEPT_S:
            _remove(root, folder.name)
    make_room(root, size, root)


def _list_kept(root: Path) -> list[Path]:
    """The folders of originals, that which was used last first."""
    return sorted((folder for folder in root.iterdir() if folder.is_dir()), key=_used_at, reverse=True)


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
