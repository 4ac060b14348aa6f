"""Built pages, kept for seconds: many readers, one build.

A read goes through the process's own memory (a second at most), then Valkey, then `build`. Within a process one
reader builds and the rest wait for it; between processes a short lock in Valkey does the same. Without Valkey
each process builds for itself, a few at a time.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import structlog
from redis.exceptions import RedisError

from ments.cache.entry import Entry, pack_entry, unpack_entry
from ments.cache.valkey import Valkey
from ments.observe.metrics import PAGE_CACHE

log = structlog.get_logger()
Build = Callable[[], Awaitable[bytes]]

PREFIX = "page:"
_MEMORY_S = 1.0
_MEMORY_ENTRIES = 512
_LOCK_MS = 5_000
_WAIT_S = 3.0
_POLL_S = 0.02
# A value above this is built every time rather than kept: memory in Valkey is shared with the jobs.
MAX_BYTES = 2 * 1024 * 1024
_BUILDS_WITHOUT_VALKEY = 4
# After a failure Valkey is left alone for a moment, so that a page does not wait for a timeout each time.
_REST_S = 1.0
# Deletes the lock only when it is still ours.
_UNLOCK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class _BuildFailed(Exception):
    """A build raised what Valkey might raise too; its cause is the error."""


@dataclass(slots=True)
class _Kept:
    value: bytes
    until: float


class PageCache:
    """Built bytes by key, shared by every process."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._memory: dict[str, _Kept] = {}
        self._building: dict[str, asyncio.Task[bytes]] = {}
        self._alone = asyncio.Semaphore(_BUILDS_WITHOUT_VALKEY)
        self._rest_until = 0.0
        # Counts purges, so that a build which began before one does not put its result back in memory.
        self._purges = 0

    async def get_or_build(self, key: str, ttl_s: float, stale_s: float, build: Build) -> bytes:
        """Return the page under `key`, building it when there is none that is fresh enough.

        ttl_s    how long a built page is fresh
        stale_s  how much longer it may be served while somebody builds the next one
        build    makes the page; what it raises is raised to everyone who waits for it
        """
        kept = self._memory.get(key)
        if kept is not None and kept.until > time.monotonic():
            PAGE_CACHE.labels("memory").inc()
            return kept.value
        task = self._building.get(key)
        if task is None:
            task = asyncio.create_task(self._read_or_build(key, ttl_s, stale_s, build))
            self._building[key] = task
            task.add_done_callback(lambda done: self._forget_task(key, done))
        else:
            PAGE_CACHE.labels("joined").inc()
        # One reader who goes away must not take the page from the others.
        return await asyncio.shield(task)

    async def purge(self, *keys: str) -> None:
        """Drop pages here and in Valkey; other processes serve theirs for up to a second more."""
        self._purges += 1
        for key in keys:
            self._memory.pop(key, None)
            self._building.pop(key, None)
        if not keys:
            return
        try:
            await self._valkey.client.delete(*(PREFIX + key for key in keys))
        except (RedisError, OSError) as error:
            # The pages end with their ttl.
            log.warning("page_purge_failed", keys=keys, error=str(error))

    def _forget_task(self, key: str, task: asyncio.Task[bytes]) -> None:
        if self._building.get(key) is task:
            del self._building[key]
        if not task.cancelled():
            # Looked at, so that a failure nobody waits for any more is no warning.
            task.exception()

    async def _read_or_build(self, key: str, ttl_s: float, stale_s: float, build: Build) -> bytes:
        purges = self._purges
        value: bytes | None = None
        fresh_s = ttl_s
        if time.monotonic() >= self._rest_until:
            try:
                value, fresh_s = await self._through_valkey(key, ttl_s, stale_s, build)
            except _BuildFailed as failed:
                original = failed.__cause__ or failed
                raise original from original.__cause__
            except (RedisError, OSError) as error:
                self._rest_until = time.monotonic() + _REST_S
                log.warning("page_cache_unreachable", error=str(error))
        if value is None:
            async with self._alone:
                PAGE_CACHE.labels("built_alone").inc()
                value = await build()
        if purges == self._purges:
            self._remember(key, value, min(fresh_s, _MEMORY_S))
        return value

    async def _through_valkey(self, key: str, ttl_s: float, stale_s: float, build: Build) -> tuple[bytes, float]:
        """Return the value, and for how long it is fresh in seconds."""
        name, lock = PREFIX + key, f"{PREFIX}lock:{key}"
        waited_until = time.monotonic() + _WAIT_S
        while True:
            entry = await self._read(name)
            now = time.time()
            if entry is not None and entry.fresh_until > now:
                PAGE_CACHE.labels("valkey").inc()
                return entry.value, entry.fresh_until - now
            mine = secrets.token_hex(8)
            if await self._valkey.client.set(lock, mine, nx=True, px=_LOCK_MS):
                break
            if entry is not None:
                PAGE_CACHE.labels("stale").inc()
                return entry.value, 0.0
            if time.monotonic() >= waited_until:
                # Whoever holds the lock is too slow or gone: build beside it.
                mine = ""
                break
            await asyncio.sleep(_POLL_S)
        try:
            try:
                value = await build()
            except (RedisError, OSError) as error:
                raise _BuildFailed from error
            PAGE_CACHE.labels("built").inc()
            await self._write(name, value, ttl_s, stale_s)
        finally:
            if mine:
                await self._unlock(lock, mine)
        return value, ttl_s

    async def _read(self, name: str) -> Entry | None:
        raw = cast("bytes | None", await self._valkey.client.get(name))
        return None if raw is None else unpack_entry(raw)

    async def _write(self, name: str, value: bytes, ttl_s: float, stale_s: float) -> None:
        if len(value) > MAX_BYTES:
            log.warning("page_too_large", key=name, bytes=len(value))
            return
        packed = pack_entry(Entry(value, time.time() + ttl_s))
        try:
            await self._valkey.client.set(name, packed, px=max(1, int((ttl_s + stale_s) * 1000)))
        except (RedisError, OSError) as error:
            # The page is built: it is served even when it cannot be kept.
            log.warning("page_write_failed", error=str(error))

    async def _unlock(self, lock: str, mine: str) -> None:
        try:
            await self._valkey.client.eval(_UNLOCK, 1, lock, mine)
        except (RedisError, OSError) as error:
            # It ends by itself after five seconds.
            log.warning("page_unlock_failed", error=str(error))

    def _remember(self, key: str, value: bytes, fresh_s: float) -> None:
        if fresh_s <= 0:
            return
        if len(self._memory) >= _MEMORY_ENTRIES:
            now = time.monotonic()
            self._memory = {name: kept for name, kept in self._memory.items() if kept.until > now}
            while len(self._memory) >= _MEMORY_ENTRIES:
                del self._memory[next(iter(self._memory))]
        self._memory[key] = _Kept(value, time.monotonic() + fresh_s)
