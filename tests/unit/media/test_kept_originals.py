"""Originals on a worker's disk, which several workers keep and remove at once."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ments.errors import Away, Retryable
from ments.media import kept_originals
from ments.media.kept_originals import forget_original, keep_original, make_room

AtFlock = Callable[[int, Callable[[], None]], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "originals"


@pytest.fixture
def at_flock(monkeypatch: pytest.MonkeyPatch) -> AtFlock:
    """Do something once, right before the next lock of a kind is taken: what another worker did at that very moment."""
    real, due = fcntl.flock, []

    def flock(held: int, kind: int) -> None:
        if due and due[0][0] == kind:
            due.pop()[1]()
        real(held, kind)

    monkeypatch.setattr(kept_originals.fcntl, "flock", flock)
    return lambda kind, do: due.append((kind, do))


async def fetch(folder: Path) -> Path:
    (folder / "source").write_bytes(b"film")
    return folder / "source"


async def test_one_that_is_kept_is_fetched_once_and_held_by_whoever_reads_it(root: Path) -> None:
    async with keep_original(root, "a", 4, fetch) as first:
        async with keep_original(root, "a", 4, fail) as second:
            assert first == second
        await forget_original(root, "a")
        assert first.read_bytes() == b"film"
    await forget_original(root, "a")
    assert not (root / "a").exists()


async def fail(folder: Path) -> Path:
    raise AssertionError("it was there")


@pytest.mark.parametrize("spoilt", ["source", "whole"])
async def test_one_that_is_cut_short_is_fetched_again(root: Path, spoilt: str) -> None:
    """A machine that loses its power keeps files without what was written last."""
    async with keep_original(root, "a", 4, fetch):
        pass
    (root / "a" / spoilt).write_bytes(b"")
    async with keep_original(root, "a", 4, fetch) as path:
        assert path.read_bytes() == b"film"


async def test_nobody_takes_what_is_still_being_emptied(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for it is cancelled, its thread goes on."""
    begun, go_on, real = threading.Event(), threading.Event(), shutil.rmtree

    def rmtree(folder: Path, *, ignore_errors: bool) -> None:
        if not begun.is_set():
            begun.set()
            go_on.wait(30)
        real(folder, ignore_errors=ignore_errors)

    async def hold() -> bytes:
        async with keep_original(root, "a", 4, fetch) as path:
            return path.read_bytes()

    monkeypatch.setattr(kept_originals.shutil, "rmtree", rmtree)
    first = asyncio.create_task(hold())
    await asyncio.to_thread(begun.wait, 30)
    first.cancel()
    await asyncio.wait([first])
    second = asyncio.create_task(hold())
    await asyncio.sleep(0.2)
    assert not second.done()
    go_on.set()
    assert await second == b"film"


async def test_who_comes_late_to_remove_it_leaves_the_newer_one(root: Path, at_flock: AtFlock) -> None:
    """Two remove one original; before the second has the lock, the first is through and somebody has fetched it anew."""
    async with keep_original(root, "a", 4, fetch):
        pass

    def fetched_anew() -> None:
        (root / "a.lock").unlink()
        (root / "a.lock").touch()

    at_flock(fcntl.LOCK_EX | fcntl.LOCK_NB, fetched_anew)
    await forget_original(root, "a")
    assert (root / "a" / "source").read_bytes() == b"film"


async def test_one_that_is_removed_while_its_lock_becomes_shared_is_fetched_again(
    root: Path, at_flock: AtFlock
) -> None:
    def removed() -> None:
        shutil.rmtree(root / "a")
        (root / "a.lock").unlink()

    at_flock(fcntl.LOCK_SH, removed)
    async with keep_original(root, "a", 4, fetch) as path:
        assert path.read_bytes() == b"film"


async def test_unused_ones_make_room_for_what_is_needed_the_oldest_first(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve, held = kept_originals._RESERVE_BYTES, "c"
    for number, name in enumerate(["a", "b", held]):
        async with keep_original(root, name, 4, fetch):
            pass
        os.utime(root / name / "whole", (time.time() - 60 + number,) * 2)

    def disk_usage(_: Path) -> object:
        free = 16 - sum(4 for name in ("a", "b", held) if (root / name).exists())
        return SimpleNamespace(total=reserve + 20, free=reserve + free)

    monkeypatch.setattr(kept_originals.shutil, "disk_usage", disk_usage)
    async with keep_original(root, held, 4, fetch):
        make_room(root, 4, root)
        assert (root / "a").exists()
        make_room(root, 8, root)
        assert [name for name in ("a", "b", held) if (root / name).exists()] == ["b", held]
        with pytest.raises(Away, match="at the moment"):
            make_room(root, 16, root)
        assert [name for name in ("a", "b", held) if (root / name).exists()] == [held]
        with pytest.raises(Retryable, match="of this size") as never:
            make_room(root, 21, root)
        assert not isinstance(never.value, Away)
    make_room(root, 16, root)
    assert not (root / held).exists()
    make_room(root, 16, root / "nowhere")


@pytest.mark.parametrize("look", [1, 2])
async def test_room_is_made_beside_one_that_goes_at_that_moment(
    root: Path, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    async with keep_original(root, "a", 4, fetch):
        pass
    real, looks = os.stat, []

    def stat(path: object, *words: object, **named: object) -> os.stat_result:
        if str(path) == str(root / "a" / "source"):
            looks.append(path)
            if len(looks) == look:
                Path(str(path)).unlink()
        return real(path, *words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(kept_originals.os, "stat", stat)
    async with keep_original(root, "b", 4, fetch) as path:
        assert path.name == "source"
