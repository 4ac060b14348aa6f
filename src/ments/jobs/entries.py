"""What lies in Valkey, seen from the ledger: is an entry there, how many wait, has everything been lost."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from enum import StrEnum

from redis.asyncio import Redis

_EPOCH_KEY = "ments:jobs:epoch"
_RELAY_KEY = "ments:jobs:relay"
# A walk through a long ledger may take a while.
_RELAY_SEEN_MS = 30_000

# An entry takes one to two kB of memory that is never evicted; what does not fit stays in Postgres.
ENTRIES_MAX = 20_000

_SOON_S = 60.0
# The library's score of a delayed entry: milliseconds, with twelve bits below them for the order of arrival.
_SCORE_OF_S = 1_000 * 4_096


class Entry(StrEnum):
    """What has become of a job's entry in the queue."""

    MISSING = "missing"
    PRESENT = "present"
    ENDED = "ended"


class Entries:
    """Reads the queues' keys, and keeps two of its own. Every method raises redis.exceptions.RedisError or OSError."""

    def __init__(self, client: Redis) -> None:
        """client  decodes its answers"""
        self._client = client

    async def look_up(self, queue: str, entry_ids: Sequence[str]) -> list[Entry]:
        """Tell what has become of entries of a queue, in their order; one round trip."""
        async with self._client.pipeline(transaction=False) as pipe:
            for entry_id in entry_ids:
                # `name` is written when an entry is made; a hash without it is a remnant, which nobody takes.
                pipe.hmget(_key(queue, entry_id), "name", "finishedOn")
            answers = await pipe.execute()
        return [_read(name, finished_on) for name, finished_on in answers]

    async def count_waiting(self, queue: str) -> int:
        """Count the entries that are still to be run, the delayed ones among them."""
        waiting, delayed = await self._count(queue)
        return waiting + delayed

    async def is_idle(self, queue: str) -> bool:
        """Whether nothing is ready to be run."""
        waiting, _ = await self._count(queue)
        return waiting == 0

    async def list_soon(self, queue: str, entry_ids: Sequence[str]) -> set[str]:
        """Which of these are delayed for a moment only, such as entries that a worker has put back to look again."""
        scores = await self._client.zmscore(_key(queue, "delayed"), list(entry_ids))
        latest = (time.time() + _SOON_S) * _SCORE_OF_S
        return {
            entry_id
            for entry_id, score in zip(entry_ids, scores, strict=True)
            if score is not None and float(score) < latest
        }

    async def read_epoch(self) -> str:
        """Return a word that is another one as soon as Valkey has restarted or was emptied; renews the sign of a relay."""
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.set(_RELAY_KEY, "1", px=_RELAY_SEEN_MS)
            pipe.set(_EPOCH_KEY, str(uuid.uuid4()), nx=True)
            pipe.get(_EPOCH_KEY)
            pipe.info("server")
            _, _, epoch, server = await pipe.execute()
        return f"{server['run_id']}/{epoch}"

    async def is_relay_alive(self) -> bool:
        """Whether a relay has read the epoch within the last 30 s."""
        return bool(await self._client.exists(_RELAY_KEY))

    async def list_unended(self, queue: str, offset: int, most: int) -> list[str]:
        """List ids of entries that are to be run or are being run, from a place in each of the queue's lists on."""
        end = offset + most - 1
        async with self._client.pipeline(transaction=False) as pipe:
            for name in ("wait", "paused", "active"):
                pipe.lrange(_key(queue, name), offset, end)
            for name in ("prioritized", "delayed"):
                pipe.zrange(_key(queue, name), offset, end)
            lists = await pipe.execute()
        return [entry_id for ids in lists for entry_id in ids]

    async def read_times(self, queue: str, entry_ids: Sequence[str]) -> list[int | None]:
        """Return when entries were made, in ms since 1970; None where one is gone."""
        if not entry_ids:
            return []
        async with self._client.pipeline(transaction=False) as pipe:
            for entry_id in entry_ids:
                pipe.hget(_key(queue, entry_id), "timestamp")
            return [int(text) if text and text.isdecimal() else None for text in await pipe.execute()]

    async def _count(self, queue: str) -> tuple[int, int]:
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.llen(_key(queue, "wait"))
            pipe.llen(_key(queue, "paused"))
            pipe.zcard(_key(queue, "prioritized"))
            pipe.zcard(_key(queue, "delayed"))
            wait, paused, prioritized, delayed = await pipe.execute()
        return wait + paused + prioritized, delayed


def _key(queue: str, name: str) -> str:
    return f"bull:{queue}:{name}"


def _read(name: str | None, finished_on: str | None) -> Entry:
    if name is None:
        return Entry.MISSING
    return Entry.ENDED if finished_on else Entry.PRESENT
