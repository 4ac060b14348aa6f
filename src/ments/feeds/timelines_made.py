"""Making timelines: from one query, one at a time for each, while they may be pushed to.

First a mark is put under the timeline's name, then Postgres is read, then what was found is written where the mark still is. A
post that is committed after the reading is pushed, since the name is there; whatever changes what a timeline is made from
(a follow, an account that is pulled from now on) drops the name after its commit, and the mark with it, so that nothing
that was read before comes back.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from redis.exceptions import RedisError

from ments.cache import Valkey
from ments.db import load_queries
from ments.feeds import timeline_rules as rules
from ments.feeds import timelines_kept as kept
from ments.feeds.timeline_rules import NOTHING_COVERED, Head, to_score
from ments.parts import Parts

log = structlog.get_logger()
queries: Any = load_queries(__file__, "timelines.sql")

# Of each process, and half of what its pool holds: a thousand readers of an empty Valkey leave the other half to all else.
_READS_AT_ONCE = 5
# After a failure Valkey is left alone for a moment, so that a page does not wait for a timeout each time.
_REST_S = 1.0
# Valkey holds the jobs, too, and evicts nothing: past this share of its memory no timelines are made, and all else goes on.
_MEMORY_MAX = 0.75
_MEMORY_LOOK_EVERY_S = 2.0


@dataclass(eq=False)
class _Process:
    """What this process has under way over one Valkey."""

    reads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_READS_AT_ONCE))
    making: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    rest_until: float = 0.0
    memory_looked_at: float = -_MEMORY_LOOK_EVERY_S
    has_room: bool = True


# One for each Valkey: where one is away, another goes on.
_PROCESSES: WeakKeyDictionary[Valkey, _Process] = WeakKeyDictionary()


def _process(valkey: Valkey) -> _Process:
    return _PROCESSES.setdefault(valkey, _Process())


def reads_at_once(parts: Parts) -> asyncio.Semaphore:
    """Held by whoever reads more of Postgres than a page's rows."""
    return _process(parts.valkey).reads


def is_resting(parts: Parts) -> bool:
    """Whether Valkey failed just now."""
    return time.monotonic() < _process(parts.valkey).rest_until


def rest(parts: Parts, error: Exception) -> None:
    """Leave Valkey alone for a moment."""
    if not is_resting(parts):
        log.warning("timelines_unreachable", error=str(error) or type(error).__name__)
    _process(parts.valkey).rest_until = time.monotonic() + _REST_S


@dataclass(frozen=True, slots=True)
class Draft:
    """A timeline that was read from Postgres and is not written yet."""

    name: str
    mark: bytes
    head: Head
    floor: int
    entries: list[tuple[int, bytes]]


Draw = Callable[[Parts, str, bytes], Awaitable[Draft]]


async def make_home(parts: Parts, account_id: UUID) -> None:
    """Make the timeline of those whom an account follows, unless somebody is at it. Raises what Valkey or Postgres raise."""

    async def draw(parts: Parts, name: str, mark: bytes) -> Draft:
        return await draw_home(parts, account_id, name, mark)

    await _make_once(parts, kept.home_name(account_id), draw)


async def make_author(parts: Parts, account_id: UUID) -> None:
    """Make the timeline of an account's own posts, for its followers to pull; raises as `make_home` does."""

    async def draw(parts: Parts, name: str, mark: bytes) -> Draft:
        async with parts.primary.session() as session:
            rows = queries.list_newest_of_author(session.connection, account_id=account_id, n=rules.TIMELINE_KEPT + 1)
            return _draft(name, mark, Head(), [row async for row in rows])

    await _make_once(parts, kept.author_name(account_id), draw)


async def _make_once(parts: Parts, name: str, draw: Draw) -> None:
    """Let one make a timeline in this process, and the others wait for it."""
    making = _process(parts.valkey).making
    task = making.get(name)
    if task is None:
        task = making[name] = asyncio.create_task(_make(parts, name, draw))
        task.add_done_callback(lambda done: _forget(making, name, done))
    # One reader who goes away must not take it from the others.
    await asyncio.shield(task)


def _forget(making: dict[str, asyncio.Task[None]], name: str, task: asyncio.Task[None]) -> None:
    making.pop(name, None)
    if not task.cancelled():
        # Looked at, so that a failure nobody waits for any more is no warning.
        task.exception()


async def _make(parts: Parts, name: str, draw: Draw) -> None:
    async with reads_at_once(parts):
        mark = rules.write_mark(secrets.token_hex(8))
        if not await _has_room(parts) or not await kept.begin_timeline(parts.valkey, name, mark):
            return
        await keep(parts, await draw(parts, name, mark))


async def draw_home(parts: Parts, account_id: UUID, name: str, mark: bytes) -> Draft:
    """Read what a home timeline is made of; its mark was put before. The primary: a replica may lack what was pushed already."""
    async with parts.primary.session() as session:
        ties = await queries.find_ties(session.connection, viewer_id=account_id, most=rules.PULLED_MAX)
        newest = to_score(ties["newest_follow"]) if ties["newest_follow"] else 0
        pulled = ties["pulled"]
        if len(pulled) > rules.PULLED_MAX:
            return Draft(name, mark, Head(newest), NOTHING_COVERED, [])
        rows = queries.list_newest_of_followed(
            session.connection, viewer_id=account_id, pulled=pulled, n=rules.TIMELINE_KEPT + 1
        )
        return _draft(name, mark, Head(newest, tuple(pulled)), [row async for row in rows])


def _draft(name: str, mark: bytes, head: Head, rows: list[dict[str, Any]]) -> Draft:
    entries = [(to_score(row["sorted_at"]), row["id"].bytes) for row in rows]
    return Draft(name, mark, head, rules.floor_of([row["sorted_at"] for row in rows]), entries)


async def keep(parts: Parts, draft: Draft) -> bool:
    """Write a draft where its mark still is; says whether it was."""
    return await kept.finish_timeline(parts.valkey, draft.name, draft.mark, draft.head, draft.floor, draft.entries)


async def _has_room(parts: Parts) -> bool:
    """Whether Valkey has memory for another timeline; looked at now and then. Where it does not say, it is believed to have."""
    process = _process(parts.valkey)
    if time.monotonic() - process.memory_looked_at >= _MEMORY_LOOK_EVERY_S:
        process.memory_looked_at = time.monotonic()
        try:
            memory = await parts.valkey.client.info("memory")
        except RedisError:
            memory = {}
        most, had_room = int(memory.get("maxmemory", 0)), process.has_room
        process.has_room = not most or int(memory["used_memory"]) < most * _MEMORY_MAX
        if had_room and not process.has_room:
            log.warning("no_room_for_timelines", used_bytes=memory["used_memory"], most_bytes=most)
    return process.has_room
