"""Dead letters: found, given another life, given up. Each of these works in batches that two operators may share."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ments.db import Primary, Session, Transaction, load_queries
from ments.db.keyset import Place
from ments.jobs.ledger.listing import job_of
from ments.jobs.ledger.turns import take_turns
from ments.jobs.model import LedgerJob, QueuedJob, Rank

queries = load_queries(__file__, "dead.sql")

_BATCH = 500
_KINDS_MOST = 100


@dataclass(frozen=True, slots=True)
class DeadFilter:
    """Which dead letters; None lets all pass.

    text   is part of the cause, in large or small letters
    since  died then or later
    """

    queue: str | None = None
    task: str | None = None
    code: str | None = None
    text: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadKind:
    """How many dead letters there are of one queue, task and code."""

    queue: str
    task: str
    code: str | None
    jobs: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a selection. `complete`: nothing that it meant is left; else the time was over."""

    changed: int
    complete: bool


async def list_dead(session: Session, which: DeadFilter, after: Place, n: int) -> list[LedgerJob]:
    """Read a page, newest first, that begins after a place. Payload, stacks and steps are left out."""
    rows = queries.list_dead(session.connection, **asdict(which), at=after.at, id=after.id, n=n)
    return [job_of(row) async for row in rows]


async def list_dead_kinds(session: Session) -> list[DeadKind]:
    """Count by queue, task and code, the most frequent first, a hundred at most."""
    return [DeadKind(**row) async for row in queries.list_dead_kinds(session.connection, n=_KINDS_MOST)]


async def count_dead(session: Session, which: DeadFilter, *, most: int) -> int:
    """Count what a filter means, up to `most`."""
    counted: int = await queries.count_dead(session.connection, **asdict(which), ids=None, until=None, n=most)
    return counted


async def revive(
    primary: Primary,
    which: DeadFilter,
    ids: Sequence[UUID] | None = None,
    *,
    within_s: float | None = None,
    send: Callable[[Sequence[QueuedJob]], None] | None = None,
) -> Outcome:
    """Accept dead letters anew, oldest first. Each goes back to its start, under the next generation.

    ids       these only, as far as the filter lets them pass; None: all that it lets pass
    within_s  no further batch is begun after this time
    send      given the first batch once it is committed, so that it need not wait for the relay, which sends the rest
    What dies while this runs is left alone, so that it ends whatever the jobs do.
    """
    unsent = send

    async def change(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
        nonlocal unsent
        entries, sends = await _revive_batch(tx, rows), unsent
        unsent = None

        async def send_first() -> None:
            if sends is not None:
                sends(entries)

        tx.after_commit(send_first)

    return await _in_batches(primary, which, ids, change, within_s)


async def discard(
    primary: Primary, which: DeadFilter, ids: Sequence[UUID] | None = None, *, within_s: float | None = None
) -> Outcome:
    """Give dead letters up; arguments as `revive` takes them."""
    return await _in_batches(primary, which, ids, _discard_batch, within_s)


async def _in_batches(
    primary: Primary,
    which: DeadFilter,
    ids: Sequence[UUID] | None,
    change: Callable[[Transaction, Sequence[dict[str, Any]]], Awaitable[None]],
    within_s: float | None,
) -> Outcome:
    started = time.monotonic()
    async with primary.session() as session:
        until = await queries.get_moment(session.connection)
    wanted = list(ids) if ids is not None else None
    changed = 0
    while True:
        async with primary.transaction() as tx:
            taken = queries.take_dead(tx.connection, **asdict(which), ids=wanted, until=until, batch=_BATCH)
            rows = [row async for row in taken]
            if rows:
                await change(tx, rows)
        changed += len(rows)
        if len(rows) < _BATCH:
            return Outcome(changed, complete=True)
        if within_s is not None and time.monotonic() - started > within_s:
            return Outcome(changed, complete=False)


async def _revive_batch(tx: Transaction, rows: Sequence[dict[str, Any]]) -> list[QueuedJob]:
    # They come behind what their accounts have waiting now: the old turn would let them pass everybody.
    alike: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for row in rows:
        alike.setdefault((row["queue"], str(row["account_id"] or ""), row["rank"]), []).append(row)
    turns: dict[UUID, int] = {}
    # In one order, so that two operators' batches never wait for each other.
    for queue, account, rank in sorted(alike):
        same = alike[queue, account, rank]
        taken = await take_turns(tx, queue, Rank(rank), same[0]["account_id"], how_many=len(same))
        turns.update(zip((row["id"] for row in same), taken, strict=True))
    revived = queries.revive_jobs(tx.connection, ids=list(turns), turns=list(turns.values()))
    return [
        QueuedJob(
            id=row["id"],
            generation=row["generation"],
            queue=row["queue"],
            task=row["task"],
            payload=row["payload"],
            attempts=row["attempts_max"],
            backoff_s=row["backoff_s"],
            turn=row["turn"],
            traceparent=row["traceparent"],
        )
        async for row in revived
    ]


async def _discard_batch(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    await queries.discard_jobs(tx.connection, ids=[row["id"] for row in rows])
