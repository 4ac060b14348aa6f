"""The page cache over a real Valkey: one build for many readers, here and in other processes; and without Valkey."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from eventually import eventually
from ments.cache import PageCache, Valkey, pages
from ments.cache.pages import MAX_BYTES, PREFIX
from ments.errors import Unavailable
from valkey_server import ValkeyServer


class Builder:
    """Builds pages that say how many were built before."""

    def __init__(self, takes_s: float = 0.1, size: int = 0) -> None:
        self.built = 0
        self.at_once = 0
        self.most_at_once = 0
        self._takes_s = takes_s
        self._size = size

    async def __call__(self) -> bytes:
        self.built += 1
        number = self.built
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self._takes_s)
        self.at_once -= 1
        return f"page {number}".encode() + b"." * self._size


@asynccontextmanager
async def _open(url: str) -> AsyncIterator[PageCache]:
    """A cache as another process would have it: connections and memory of its own."""
    valkey = Valkey(url)
    try:
        yield PageCache(valkey)
    finally:
        await valkey.close()


async def test_50_readers_in_two_processes_make_one_build(valkey_server: ValkeyServer) -> None:
    build = Builder()
    async with _open(valkey_server.url) as one, _open(valkey_server.url) as other:
        pages = await asyncio.gather(
            *(cache.get_or_build("feed", 5.0, 30.0, build) for cache in (one, other) for _ in range(25))
        )
    assert set(pages) == {b"page 1"}
    assert build.built == 1


async def test_a_fresh_page_is_not_built_again_and_an_old_one_is(
    valkey_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pages grow old when the test says so, however long it takes to ask for them.
    now_s = 1_000.0
    monkeypatch.setattr(pages, "time", SimpleNamespace(time=lambda: now_s, monotonic=lambda: now_s))
    build = Builder(takes_s=0)
    async with _open(valkey_server.url) as cache, _open(valkey_server.url) as other:
        # The second is one that Valkey still has when it is old.
        for key, stale_s in (("k", 0.0), ("l", 60.0)):
            build.built, now_s = 0, now_s + 1_000
            assert await cache.get_or_build(key, 60.0, stale_s, build) == b"page 1"
            now_s += 59.7
            assert await cache.get_or_build(key, 60.0, stale_s, build) == b"page 1"
            assert await other.get_or_build(key, 60.0, stale_s, build) == b"page 1"
            now_s += 0.35
            assert await other.get_or_build(key, 60.0, stale_s, build) == b"page 2"
            # The memory of the first ends with the page, not a second later.
            assert await cache.get_or_build(key, 60.0, stale_s, build) == b"page 2"
        # Nor does that of who has built a page which is fresh for less than a second.
        build.built = 0
        assert await cache.get_or_build("m", 0.3, 60.0, build) == b"page 1"
        assert await other.get_or_build("m", 0.3, 60.0, build) == b"page 1"
        now_s += 0.35
        assert await other.get_or_build("m", 0.3, 60.0, build) == b"page 2"
        assert await cache.get_or_build("m", 0.3, 60.0, build) == b"page 2"
        # And Valkey has them for as long as they may be given, no longer.
        client = cache._valkey.client
        assert 0 < await client.pttl(PREFIX + "k") <= 60_000 < await client.pttl(PREFIX + "l") <= 120_000


async def test_a_stale_page_is_served_while_another_process_builds(
    valkey_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever builds holds the lock for as long as the test needs.
    monkeypatch.setattr(pages, "_LOCK_MS", 60_000)
    may_end = asyncio.Event()
    built = 0

    async def build() -> bytes:
        nonlocal built
        built += 1
        await may_end.wait()
        return b"page 2"

    async with _open(valkey_server.url) as one, _open(valkey_server.url) as other:
        await one.get_or_build("k", 0.1, 60.0, Builder(takes_s=0))
        await asyncio.sleep(0.15)
        building = asyncio.create_task(one.get_or_build("k", 60.0, 60.0, build))
        await eventually(lambda: built == 1)
        async with asyncio.timeout(30):
            assert await other.get_or_build("k", 60.0, 60.0, build) == b"page 1"
        assert not building.done(), "it was not waited for"
        may_end.set()
        assert await building == b"page 2"
        assert await other.get_or_build("k", 60.0, 60.0, build) == b"page 2"
    assert built == 1


async def test_a_purged_page_is_built_again(valkey_server: ValkeyServer) -> None:
    build = Builder(takes_s=0)
    async with _open(valkey_server.url) as cache:
        for number in (1, 2):
            assert await cache.get_or_build("k", 60.0, 60.0, build) == f"page {number}".encode()
            await cache.purge("k")
        # A purge in the middle of a build: what that build brings is not kept in memory.
        slow = asyncio.create_task(cache.get_or_build("k", 60.0, 60.0, Builder(takes_s=0.2)))
        await asyncio.sleep(0.1)
        await cache.purge("k")
        await slow
        await cache.purge("k")
        assert await cache.get_or_build("k", 60.0, 60.0, build) == b"page 3"


@pytest.mark.parametrize("poison", [b"", b"p", b"p1", b"<html>", b"p1" + b"\0" * 40])
async def test_a_poisoned_entry_is_built_again(valkey_server: ValkeyServer, poison: bytes) -> None:
    build = Builder(takes_s=0)
    async with _open(valkey_server.url) as cache:
        await cache._valkey.client.set(PREFIX + "k", poison)
        assert await cache.get_or_build("k", 5.0, 5.0, build) == b"page 1"
    async with _open(valkey_server.url) as other:
        assert await other.get_or_build("k", 5.0, 5.0, build) == b"page 1"


async def test_a_huge_page_is_served_and_not_kept(valkey_server: ValkeyServer) -> None:
    build = Builder(takes_s=0, size=MAX_BYTES)
    async with _open(valkey_server.url) as cache:
        await cache.get_or_build("k", 5.0, 5.0, build)
        assert await cache._valkey.client.keys("*") == []


@pytest.mark.parametrize("kind", [ValueError, OSError, ConnectionError])
async def test_a_failed_build_is_everyones_and_the_next_one_is_tried(
    valkey_server: ValkeyServer, kind: type[Exception]
) -> None:
    fails = [True]
    build = Builder()

    async def sometimes() -> bytes:
        page = await build()
        if fails[0]:
            raise kind("on purpose")
        return page

    async with _open(valkey_server.url) as cache:
        answers = await asyncio.gather(
            *(cache.get_or_build("k", 5.0, 5.0, sometimes) for _ in range(5)), return_exceptions=True
        )
        assert all(isinstance(answer, kind) for answer in answers)
        assert build.built == 1
        fails[0] = False
        assert await cache.get_or_build("k", 5.0, 5.0, sometimes) == b"page 2"


async def test_a_builder_that_died_does_not_hold_the_others_up(valkey_server: ValkeyServer) -> None:
    async with _open(valkey_server.url) as cache:
        await cache._valkey.client.set(f"{PREFIX}lock:k", "of one that died", px=60_000)
        before = time.monotonic()
        assert await cache.get_or_build("k", 5.0, 5.0, Builder(takes_s=0)) == b"page 1"
        assert time.monotonic() - before < 30, "the lock lasts for a minute"
        # Another's lock is not ours to take away.
        assert await cache._valkey.client.get(f"{PREFIX}lock:k") == b"of one that died"


async def test_a_reader_who_leaves_does_not_take_the_page_along(valkey_server: ValkeyServer) -> None:
    build = Builder(takes_s=0.3)
    async with _open(valkey_server.url) as cache:
        first = asyncio.create_task(cache.get_or_build("k", 5.0, 5.0, build))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(cache.get_or_build("k", 5.0, 5.0, build))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == b"page 1"
    assert build.built == 1


async def test_without_valkey_pages_are_built_a_few_at_a_time(
    valkey_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What was built first is still remembered when the last has been.
    monkeypatch.setattr(pages, "_MEMORY_S", 60.0)
    build = Builder(takes_s=0.05)
    async with _open(valkey_server.url) as cache:
        await cache.get_or_build("before", 5.0, 5.0, build)
        valkey_server.kill()
        with pytest.raises(Unavailable):
            await cache._valkey.ping()
        build.built = 0
        made = await asyncio.gather(*(cache.get_or_build(f"k{n % 10}", 60.0, 60.0, build) for n in range(100)))
        assert len(set(made)) == build.built == 10
        assert build.most_at_once <= 4
        # Valkey is left alone for a moment, and memory still serves.
        await cache.get_or_build("k1", 60.0, 60.0, build)
        assert build.built == 10
        await cache.purge("k1")
        valkey_server.start()
        await asyncio.sleep(1.1)
        await cache.get_or_build("k1", 60.0, 60.0, build)
        await cache._valkey.ping()
        assert await cache._valkey.client.exists(PREFIX + "k1")
