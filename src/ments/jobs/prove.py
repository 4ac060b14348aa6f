"""`ments jobs prove`: shows of every job that was accepted that it has ended or that somebody has it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from uuid import UUID

from psycopg import Error as PostgresError
from psycopg_pool import PoolTimeout
from redis.exceptions import RedisError

from ments.db import Primary
from ments.errors import Unavailable
from ments.jobs.adopt import derive_id, read_entry_id
from ments.jobs.entries import Entries, Entry
from ments.jobs.ledger.books import (
    Books,
    Cause,
    QueueBooks,
    close_books,
    count_jobs,
    list_known,
    list_silent,
    list_still_queued,
    list_unsent,
    list_unserved,
)
from ments.jobs.ledger.mend import START, Place, QueuedRow, list_queued
from ments.jobs.model import QUEUES, JobState
from ments.jobs.queue import JobQueues
from ments.settings import Settings

WAIT_S = 30.0
_LOOK_AGAIN_S = 1.0
_BATCH = 500
# Entries without a row are only told of: a look at so many of a queue is enough.
_ENTRIES_LOOKED_AT = 20_000
_WORDS = {
    Entry.MISSING: "Their entries are missing in the queue; the relay sends them again within 20 s.",
    Entry.ENDED: "Their entries have ended in the queue without them; the relay sends them again within 30 s.",
}


def prove(settings: Settings, wait_s: float = WAIT_S) -> Books:
    """Draw up the books of a deployment; while something is unaccounted for, again for up to `wait_s` seconds.

    Raises Unavailable when Postgres does not answer. That Valkey does not is a cause in the books.
    """
    return asyncio.run(_prove(settings, wait_s))


async def _prove(settings: Settings, wait_s: float) -> Books:
    primary = Primary(settings.database_url, size=1)
    try:
        await primary.reach()
        await primary.open()
        async with aclosing(JobQueues(settings.redis_url)) as queues:
            return await prove_books(primary, Entries(queues.client), wait_s=wait_s)
    except (PostgresError, PoolTimeout) as error:
        raise Unavailable("Postgres does not answer (DATABASE_URL); `ments status` shows the parts.") from error
    finally:
        await primary.close()


async def prove_books(primary: Primary, entries: Entries, *, wait_s: float) -> Books:
    """Draw up the books until they balance, or `wait_s` seconds have passed. Raises psycopg.Error."""
    until = time.monotonic() + wait_s
    while True:
        books = await read_books(primary, entries)
        if books.balanced or time.monotonic() >= until:
            return books
        await asyncio.sleep(_LOOK_AGAIN_S)


async def read_books(primary: Primary, entries: Entries) -> Books:
    """Draw up the books once. Raises psycopg.Error."""
    causes: list[Cause] = []
    foreign: dict[str, int] = {}
    async with primary.session() as session:
        counts = await count_jobs(session)
        causes += await list_silent(session)
        causes += await list_unserved(session)
    # Of a queue that this version does not know nobody takes.
    for queue in counts.keys() - set(QUEUES):
        causes += [
            Cause(queue, state, counts[queue][state], "This version has no such queue.")
            for state in (JobState.ACCEPTED, JobState.QUEUED, JobState.RUNNING)
            if counts[queue].get(state)
        ]
    try:
        is_relay_alive = await entries.is_relay_alive()
        for queue in QUEUES:
            causes += await _look_up(primary, entries, queue)
            foreign[queue], strays = await _count_without_row(primary, entries, queue)
            if strays:
                text = "Entries of ours whose rows are gone: pruned, or lost with a database that was put back."
                causes.append(Cause(queue, "entry", strays, text, is_accounted=True))
    except (RedisError, OSError) as error:
        is_relay_alive = False
        causes += [
            Cause(queue, JobState.QUEUED, states[JobState.QUEUED], f"Valkey does not answer (REDIS_URL): {error}")
            for queue, states in counts.items()
            if states.get(JobState.QUEUED) and queue in QUEUES
        ]
    async with primary.session() as session:
        unsent = await list_unsent(session, is_relay_alive=is_relay_alive)
    causes += [cause for cause in unsent if cause.queue in QUEUES]
    return close_books(counts, causes, foreign)


async def _look_up(primary: Primary, entries: Entries, queue: str) -> list[Cause]:
    """Look for the entry of each queued row."""
    lost: Counter[Entry] = Counter()
    ids: dict[Entry, list[str]] = {Entry.MISSING: [], Entry.ENDED: []}
    place = START
    while True:
        async with primary.session() as session:
            rows = await list_queued(session, queue, place, batch=_BATCH)
        if not rows:
            break
        place = Place(rows[-1].accepted_at, rows[-1].id)
        found = dict(zip((row.id for row in rows), await entries.look_up(queue, _entry_ids(rows)), strict=True))
        async with primary.session() as session:
            # A job that was run meanwhile is no loss.
            for row in await list_still_queued(session, [row for row in rows if found[row.id] is not Entry.PRESENT]):
                lost[found[row.id]] += 1
                ids[found[row.id]] = [*ids[found[row.id]], str(row.id)][:3]
    return [
        Cause(queue, JobState.QUEUED, jobs, _WORDS[entry], ids=tuple(ids[entry]))
        for entry, jobs in lost.items()
        if jobs
    ]


def _entry_ids(rows: Sequence[QueuedRow]) -> list[str]:
    return [row.entry_id for row in rows]


async def _count_without_row(primary: Primary, entries: Entries, queue: str) -> tuple[int, int]:
    """Count the entries that have no row: foreign ones, and ours."""
    foreign = strays = 0
    for offset in range(0, _ENTRIES_LOOKED_AT, _BATCH):
        entry_ids = await entries.list_unended(queue, offset, _BATCH)
        if not entry_ids:
            break
        ours: list[UUID] = []
        others: list[str] = []
        for entry_id in entry_ids:
            if known := read_entry_id(entry_id):
                ours.append(known[0])
            else:
                others.append(entry_id)
        made_at = await entries.read_times(queue, others)
        derived = [
            derive_id(queue, entry_id, at) for entry_id, at in zip(others, made_at, strict=True) if at is not None
        ]
        async with primary.session() as session:
            foreign += len(derived) - len(await list_known(session, derived))
            strays += len(set(ours) - await list_known(session, ours))
    return foreign, strays


def books_lines(books: Books) -> list[str]:
    """Lay the books out for people. Pure."""
    columns = ("accepted", "done", "pending", "dead", "discarded", "unaccounted")
    lines = ["queue".ljust(10) + "".join(column.rjust(13) for column in columns)]
    rows: list[tuple[str, QueueBooks]] = [*books.queues.items(), ("all", books)]
    lines += [name.ljust(10) + "".join(str(getattr(row, column)).rjust(13) for column in columns) for name, row in rows]
    lines += [
        f"{'pending' if cause.is_accounted else 'UNACCOUNTED'}: {cause.jobs} {cause.state} in {cause.queue}: {cause.cause}"
        + (f" ({', '.join(cause.ids)})" if cause.ids else "")
        for cause in books.causes
    ]
    if books.foreign:
        lines.append(
            f"{books.foreign} jobs of producers outside wait to be adopted by a worker; they are in no column."
        )
    verdict = "balanced" if books.balanced else f"NOT balanced: nobody has {books.unaccounted} of the jobs"
    return [*lines, f"{verdict}: accepted {books.accepted} = done + pending + dead + discarded + unaccounted"]
