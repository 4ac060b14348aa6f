"""What operators read: how the jobs stand, pages of dead letters, one job. Always from the primary: what was just done shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from redis.exceptions import RedisError

from ments.accounts.store import find_account
from ments.cache import PageCache
from ments.db.keyset import Place, clamp_limit, decode_cursor, encode_cursor
from ments.jobs.ledger.dead import DeadFilter, DeadKind, count_dead, list_dead, list_dead_kinds
from ments.jobs.ledger.listing import PENDING, find_job, list_ended, list_pending
from ments.jobs.ledger.overview import Overview, read_overview
from ments.jobs.model import JobState, LedgerJob
from ments.operations.model import DeadLetter, DeadPage, JobNotFound, JobView, UnknownState, Verdict, view_of
from ments.operations.rules import judge
from ments.parts import Parts

log = structlog.get_logger()

COUNTED_MOST = 100_000
_CURSOR = "dead-jobs"
_VALKEY_S = 1.5
_FRESH_S = 1.0
# Looking never takes more than a tenth of one connection, however deep the queues are and however many look.
_COST_FACTOR = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """How the jobs stand.

    entries  Valkey's own count, {queue: {state: entries}}; None while it does not answer
    """

    at: datetime
    verdict: Verdict
    ledger: Overview
    entries: Mapping[str, Mapping[str, int]] | None


class _Look:
    """The last look of this process, and the one under way: operators who watch at once share it."""

    def __init__(self) -> None:
        self.last: Standing | None = None
        self.until = 0.0
        self.lock = asyncio.Lock()


# One a process, as its page cache is.
_LOOKS: WeakKeyDictionary[PageCache, _Look] = WeakKeyDictionary()


async def read_standing(parts: Parts) -> Standing:
    """Look at ledger and queue; a second old at most, unless looking takes long."""
    look = _LOOKS.setdefault(parts.pages, _Look())
    async with look.lock:
        if look.last is None or time.monotonic() >= look.until:
            started = time.monotonic()
            look.last = await _look(parts)
            now = time.monotonic()
            look.until = now + max(_FRESH_S, _COST_FACTOR * (now - started))
        return look.last


def forget_standing(parts: Parts) -> None:
    """Look anew next time: an operator has just changed something."""
    if look := _LOOKS.get(parts.pages):
        look.until = 0.0


async def _look(parts: Parts) -> Standing:
    async with parts.primary.session() as session:
        ledger = await read_overview(session)
    entries: Mapping[str, Mapping[str, int]] | None = None
    try:
        async with asyncio.timeout(_VALKEY_S):
            entries = await parts.outbox.queues.count_jobs([depth.queue for depth in ledger.queues])
    except (RedisError, OSError, TimeoutError) as error:
        log.info("entries_not_counted", error=str(error) or type(error).__name__)
    return Standing(datetime.now(UTC), judge(ledger, valkey_answers=entries is not None), ledger, entries)


async def read_dead(
    parts: Parts, which: DeadFilter, *, cursor: str | None = None, limit: int | None = None
) -> DeadPage:
    """Read a page of dead letters, newest first. `limit` 1..50, 20 when None. Raises BadCursor."""
    secret, n = parts.settings.secret_for("cursor"), clamp_limit(limit)
    after = decode_cursor(secret, _CURSOR, cursor) if cursor else Place.last()
    async with parts.primary.session() as session:
        jobs = [DeadLetter.of(job) for job in await list_dead(session, which, after, n + 1)]
    has_more, jobs = len(jobs) > n, jobs[:n]
    place = encode_cursor(secret, _CURSOR, Place(jobs[-1].died_at, jobs[-1].id)) if has_more else None
    return DeadPage(jobs, place, has_more)


async def read_dead_kinds(parts: Parts) -> list[DeadKind]:
    """Count the dead letters by queue, task and code."""
    async with parts.primary.session() as session:
        return await list_dead_kinds(session)


async def count_selected(parts: Parts, which: DeadFilter) -> int:
    """Count what a filter means, up to COUNTED_MOST."""
    async with parts.primary.session() as session:
        return await count_dead(session, which, most=COUNTED_MOST)


async def read_job(parts: Parts, job_id: UUID) -> JobView:
    """Read all of a job. Raises JobNotFound."""
    async with parts.primary.session() as session:
        job = await find_job(session, job_id)
        if job is None:
            raise JobNotFound("There is no such job, or its history has been pruned.")
        account = await find_account(session, job.account_id) if job.account_id else None
    return view_of(job, account.username if account else None)


async def list_dead_letters(parts: Parts, which: DeadFilter, *, n: int) -> list[DeadLetter]:
    """List the newest dead letters that a filter lets pass."""
    async with parts.primary.session() as session:
        return [DeadLetter.of(job) for job in await list_dead(session, which, Place.last(), n)]


async def list_jobs(parts: Parts, *, queue: str | None, state: str | None, task: str | None, n: int) -> list[LedgerJob]:
    """List jobs in a state; None: all that wait or run, oldest first. What has ended comes newest first.

    Raises UnknownState.
    """
    try:
        wanted = JobState(state) if state else None
    except ValueError as error:
        raise UnknownState(f"There is no state {state}; choose from {', '.join(JobState)}.") from error
    async with parts.primary.session() as session:
        if wanted is None or wanted in PENDING:
            return await list_pending(session, queue=queue, state=wanted, task=task, n=n)
        if wanted is JobState.DEAD:
            return await list_dead(session, DeadFilter(queue, task), Place.last(), n)
        return await list_ended(session, state=wanted, queue=queue, task=task, n=n)
