"""What the relays change in the ledger: sent, given back after silence, sent again after a loss, pruned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from ments.db import Session, Transaction, load_queries
from ments.jobs.model import LEASE_S, QUEUES, JobState, QueuedJob, Rank

queries = load_queries(__file__, "mend.sql")

LATE_S = 30.0
"""A worker ends a run at its deadline by itself; this long after it the run is taken from it."""
OVERDUE_S = 600.0


@dataclass(frozen=True, slots=True)
class Silence:
    """A look for runs whose worker has gone.

    at_s        the database's clock, in seconds
    is_settled  the database has been up for long enough that its heartbeats can be believed
    """

    at_s: float
    is_settled: bool
    found: bool


@dataclass(frozen=True, slots=True)
class SilentRun:
    """A run that is over, whether its worker knows it or not."""

    id: UUID
    lease: int
    crashes: int
    owner: str | None
    is_late: bool

    @property
    def cause(self) -> str:
        """Why, in words."""
        if self.is_late:
            return f"Run {self.lease} went on past its time, and its worker ({self.owner}) did not end it."
        return f"The worker of run {self.lease} ({self.owner}) fell silent."


@dataclass(frozen=True, slots=True)
class QueuedRow:
    """A row whose entry should be in the queue."""

    id: UUID
    generation: int
    lease: int
    outside_id: str | None
    accepted_at: datetime
    is_overdue: bool

    @property
    def entry_id(self) -> str:
        """The id of its entry: a foreign producer's own, until we have made one for it."""
        return self.outside_id if self.outside_id and self.generation == 1 else f"{self.id}-{self.generation}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk through a queue's rows has come to."""

    at: datetime
    id: UUID


START = Place(datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))


async def list_busy_queues(session: Session, *, older_than_s: float, ahead_s: float) -> list[str]:
    """List the queues with rows to send: accepted `older_than_s` ago, due within `ahead_s`."""
    rows = queries.list_busy_queues(session.connection, queues=list(QUEUES), older_than_s=older_than_s, ahead_s=ahead_s)
    return [row["queue"] async for row in rows]


async def take_due(tx: Transaction, queue: str, *, older_than_s: float, ahead_s: float, batch: int) -> list[QueuedJob]:
    """Lock rows to be sent until `tx` ends, those that are due first ahead."""
    rows = queries.take_due(tx.connection, queue=queue, older_than_s=older_than_s, ahead_s=ahead_s, batch=batch)
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
            delay_s=row["delay_s"],
            traceparent=row["traceparent"],
            suspect=row["crashes"] > 0,
        )
        async for row in rows
    ]


async def pull_back_due(session: Session, *, ahead_s: float) -> int:
    """Make rows due that were accepted in the future, before the clock was put back. Returns how many."""
    rows: int = await queries.pull_back_due(session.connection, queues=list(QUEUES), ahead_s=ahead_s)
    return rows


async def look_for_silence(session: Session) -> Silence:
    """Look whether there are runs to end."""
    row = await queries.look_for_silence(session.connection, queues=list(QUEUES), silent_s=LEASE_S, late_s=LATE_S)
    return Silence(**row)


async def take_silent_runs(tx: Transaction, *, batch: int) -> list[SilentRun]:
    """Lock runs to be ended until `tx` ends, and count a crash for each; `crashes` is without it."""
    rows = queries.take_silent_runs(tx.connection, queues=list(QUEUES), silent_s=LEASE_S, late_s=LATE_S, batch=batch)
    runs = [SilentRun(**row) async for row in rows]
    if runs:
        await queries.count_crash(tx.connection, ids=[run.id for run in runs], causes=[run.cause for run in runs])
    return runs


async def give_back_runs(tx: Transaction, runs: Sequence[SilentRun]) -> None:
    """Let runs be sent again, each as a new entry."""
    await queries.give_back_runs(tx.connection, ids=[run.id for run in runs], leases=[run.lease for run in runs])


async def list_queued(session: Session, queue: str, after: Place, *, batch: int) -> list[QueuedRow]:
    """List the rows of a queue whose entries should be there, oldest first."""
    rows = queries.list_queued(
        session.connection, queue=queue, after_at=after.at, after_id=after.id, overdue_s=OVERDUE_S, batch=batch
    )
    return [QueuedRow(**row) async for row in rows]


async def send_again(session: Session, rows: Sequence[QueuedRow]) -> int:
    """Let jobs be sent again whose entries are of no use; not those that have moved on. Returns how many."""
    if not rows:
        return 0
    changed = queries.send_again(
        session.connection,
        ids=[row.id for row in rows],
        generations=[row.generation for row in rows],
        leases=[row.lease for row in rows],
    )
    return len([row async for row in changed])


async def prune_jobs(session: Session, state: JobState, *, keep_s: float, batch: int) -> int:
    """Delete a batch of jobs that ended in `state` more than `keep_s` seconds ago, and count them in the books."""
    row = await queries.prune_jobs(session.connection, state=str(state), keep_s=keep_s, batch=batch)
    return int(row["jobs"])


async def prune_workers(session: Session, *, silent_s: float) -> int:
    """Forget processes that have been silent this long."""
    rows: int = await queries.prune_workers(session.connection, silent_s=silent_s)
    return rows


async def prune_outbox(session: Session, *, keep_s: float, batch: int) -> int:
    """Delete a batch of rows that processes before the ledger wrote, and whose jobs the ledger has."""
    rows: int = await queries.prune_outbox(session.connection, older_than_s=keep_s, batch=batch)
    return rows


async def find_turn(tx: Transaction, job_id: UUID) -> int:
    """Return the turn of a job; 0 when it has none."""
    turn: int | None = await queries.find_turn(tx.connection, id=job_id)
    return turn or 0


async def set_turn(tx: Transaction, job_id: UUID, *, turn: int, rank: Rank) -> None:
    """Give a waiting job its turn among work of a rank."""
    await queries.set_turn(tx.connection, id=job_id, turn=turn, rank=int(rank))
