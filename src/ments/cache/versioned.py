"""Bytes that never change under their key, since the key holds a version: kept in the process and in Valkey.

What is found damaged is as good as not found. Without Valkey the process's own copies go on.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

import structlog
from redis.exceptions import RedisError

from ments.cache.valkey import Valkey
from ments.observe.metrics import FRAGMENT_CACHE

log = structlog.get_logger()
V = TypeVar("V")
_HEAD = struct.Struct("!IL")
# Valkey holds the jobs, too, and evicts nothing: past this part of its memory nothing is added, what is there ends by itself.
_MEMORY_MAX = 0.5
_LOOK_EVERY_S = 5.0

_SET_ALL = "for i, key in ipairs(KEYS) do redis.call('set', key, ARGV[i + 1], 'ex', ARGV[1]) end"


def seal(value: bytes) -> bytes:
    """Put length and checksum before the bytes. Pure."""
    return _HEAD.pack(len(value), zlib.crc32(value)) + value


def unseal(sealed: bytes) -> bytes | None:
    """Take them off; None when the bytes are cut short or altered. Pure."""
    if len(sealed) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack_from(sealed)
    value = sealed[_HEAD.size :]
    return value if len(value) == length and zlib.crc32(value) == checksum else None


class Versioned(Generic[V]):
    """Values by versioned key, as bytes in Valkey and as they are used in the process (bounded, the least used go first)."""

    def __init__(
        self,
        valkey: Valkey,
        *,
        read: Callable[[bytes], V | None],
        write: Callable[[V], bytes],
        ttl_s: int,
        bytes_max: int,
    ) -> None:
        """`read` returns None for what it cannot read; `ttl_s` is that of Valkey; `bytes_max` of the process."""
        self._valkey, self._read, self._write = valkey, read, write
        self._ttl_s, self._bytes_max = ttl_s, bytes_max
        self._values: dict[str, tuple[V, int]] = {}
        self._bytes = 0
        self._has_room, self._look_at = True, 0.0

    async def find(self, keys: Iterable[str]) -> dict[str, V]:
        """What there is of these, in one round trip at most."""
        found: dict[str, V] = {}
        missing: list[str] = []
        for key in keys:
            # Taken out and put back, so that the first is always the one that was used least lately.
            entry = self._values.pop(key, None)
            if entry is None:
                missing.append(key)
            else:
                self._values[key] = entry
                found[key] = entry[0]
        FRAGMENT_CACHE.labels("memory").inc(len(found))
        if missing:
            found |= await self._fetch(missing)
        return found

    async def _fetch(self, keys: list[str]) -> dict[str, V]:
        try:
            answers = await self._valkey.quick.ask("MGET", *keys)
        except RedisError as error:
            log.warning("fragments_unreachable", error=repr(error))
            return {}
        found: dict[str, V] = {}
        for key, sealed in zip(keys, answers, strict=True):
            if sealed is None or (raw := unseal(sealed)) is None or (value := self._read(raw)) is None:
                continue
            found[key] = value
            self._remember(key, value, len(raw))
        FRAGMENT_CACHE.labels("valkey").inc(len(found))
        return found

    async def put(self, values: Mapping[str, V]) -> None:
        """Keep these. They are right already, so that Valkey is not waited for when it fails."""
        sealed: list[bytes] = []
        for key, value in values.items():
            raw = self._write(value)
            self._remember(key, value, len(raw))
            sealed.append(seal(raw))
        FRAGMENT_CACHE.labels("made").inc(len(values))
        try:
            if sealed and await self._finds_room():
                # One command: a future for each value took longer than making it.
                await self._valkey.quick.ask("EVAL", _SET_ALL, len(sealed), *values, self._ttl_s, *sealed)
        except RedisError as error:
            log.warning("fragments_not_kept", error=repr(error))

    async def _finds_room(self) -> bool:
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_EVERY_S
            lines = (await self._valkey.quick.ask("INFO", "memory")).split(b"\r\n")
            said = dict(line.split(b":", 1) for line in lines if b":" in line)
            most = int(said.get(b"maxmemory", 0))
            self._has_room = not most or int(said.get(b"used_memory", 0)) < most * _MEMORY_MAX
        return self._has_room

    def _remember(self, key: str, value: V, size: int) -> None:
        size += len(key) + 400
        old = self._values.pop(key, None)
        self._bytes += size - (old[1] if old else 0)
        self._values[key] = (value, size)
        while self._bytes > self._bytes_max:
            oldest = next(iter(self._values))
            self._bytes -= self._values.pop(oldest)[1]
