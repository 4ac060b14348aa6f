"""The books: every job that was accepted, by what has become of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ments.db import Session, load_queries
from ments.jobs.ledger.mend import LATE_S, QueuedRow
from ments.jobs.model import LEASE_S, JobState

queries = load_queries(__file__, "books.sql")

UNSENT_S = 30.0
"""A row that was due for this long and is not in the queue needs a relay that lives."""
UNSERVED_S = 60.0
_WORKER_SEEN_S = 30.0
_PENDING = (JobState.ACCEPTED, JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why jobs of a queue don't move, in words.

    is_accounted  False: nobody can be shown to have them
    ids           up to three of them
    """

    queue: str
    state: str
    jobs: int
    cause: str
    is_accounted: bool = False
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueBooks:
    """The books of one queue. `accepted` is the sum of the others but `foreign`."""

    accepted: int = 0
    done: int = 0
    pending: int = 0
    dead: int = 0
    discarded: int = 0
    unaccounted: int = 0
    # Entries that producers outside have made, and that no worker has adopted yet.
    foreign: int = 0


@dataclass(frozen=True, slots=True)
class Books(QueueBooks):
    """The books of all queues."""

    balanced: bool = True
    queues: Mapping[str, QueueBooks] = field(default_factory=dict)
    causes: tuple[Cause, ...] = ()


def close_books(counts: Mapping[str, Mapping[str, int]], causes: Sequence[Cause], foreign: Mapping[str, int]) -> Books:
    """Draw up the books. Pure.

    counts  {queue: {state: jobs}}, pruned ones included
    causes  those that are not accounted for are taken off the pending
    """
    queues: dict[str, QueueBooks] = {}
    for queue in sorted({*counts, *foreign}):
        states = counts.get(queue, {})
        missing = sum(cause.jobs for cause in causes if cause.queue == queue and not cause.is_accounted)
        pending = sum(states.get(state, 0) for state in _PENDING)
        # What was counted a moment later may be a little more.
        missing = min(missing, pending)
        queues[queue] = QueueBooks(
            accepted=sum(states.values()),
            done=states.get(JobState.DONE, 0),
            pending=pending - missing,
            dead=states.get(JobState.DEAD, 0),
            discarded=states.get(JobState.DISCARDED, 0),
            unaccounted=missing,
            foreign=foreign.get(queue, 0),
        )
    return Books(
        accepted=sum(books.accepted for books in queues.values()),
        done=sum(books.done for books in queues.values()),
        pending=sum(books.pending for books in queues.values()),
        dead=sum(books.dead for books in queues.values()),
        discarded=sum(books.discarded for books in queues.values()),
        unaccounted=sum(books.unaccounted for books in queues.values()),
        foreign=sum(books.foreign for books in queues.values()),
        balanced=not any(books.unaccounted for books in queues.values()),
        queues=queues,
        causes=tuple(causes),
    )


async def count_jobs(session: Session) -> dict[str, dict[str, int]]:
    """Count all jobs that were ever accepted: {queue: {state: jobs}}."""
    counts: dict[str, dict[str, int]] = {}
    async for row in queries.count_jobs(session.connection):
        counts.setdefault(row["queue"], {})[row["state"]] = row["jobs"]
    return counts


async def count_pending(session: Session) -> list[tuple[str, str, int, float]]:
    """Count what has not ended well: [(queue, state, jobs, seconds that the oldest has been due)]."""
    rows = queries.count_pending(session.connection)
    return [(row["queue"], row["state"], row["jobs"], row["oldest_s"]) async for row in rows]


async def list_unsent(session: Session, *, is_relay_alive: bool) -> list[Cause]:
    """Explain the rows that should have been sent."""
    why = (
        "They have been due for more than 30 s: the relay sends them as soon as the queue has room."
        if is_relay_alive
        else "They have been due for more than 30 s, and no relay runs that would send them (`ments relay`)."
    )
    return [
        Cause(row["queue"], JobState.ACCEPTED, row["jobs"], why, is_relay_alive, _shown(row["ids"]))
        async for row in queries.count_unsent(session.connection, overdue_s=UNSENT_S)
    ]


async def list_unserved(session: Session) -> list[Cause]:
    """Explain the rows that wait in the queue for long; they are accounted for."""
    causes: list[Cause] = []
    async for row in queries.count_unserved(session.connection, overdue_s=UNSERVED_S, seen_s=_WORKER_SEEN_S):
        workers = row["workers"]
        why = (
            f"{workers} workers are busy with others."
            if workers
            else "No worker takes from this queue (`ments worker`)."
        )
        text = f"They have waited for more than {UNSERVED_S:.0f} s: {why}"
        causes.append(Cause(row["queue"], JobState.QUEUED, row["jobs"], text, True, _shown(row["ids"])))
    return causes


async def list_silent(session: Session) -> list[Cause]:
    """Explain the runs of which nobody says that they go on."""
    causes: list[Cause] = []
    async for row in queries.count_silent(session.connection, silent_s=LEASE_S, late_s=LATE_S):
        why = f"Their worker ({row['owner']}) has been silent for up to {row['silence_s'] or 0:.0f} s."
        if row["is_late"]:
            why = f"They go on past their time, at {row['owner']}."
        causes.append(Cause(row["queue"], JobState.RUNNING, row["jobs"], why, False, _shown(row["ids"])))
    return causes


async def list_still_queued(session: Session, rows: Sequence[QueuedRow]) -> list[QueuedRow]:
    """Leave out the rows that have moved on since they were read."""
    if not rows:
        return []
    found = queries.list_still_queued(
        session.connection,
        ids=[row.id for row in rows],
        generations=[row.generation for row in rows],
        leases=[row.lease for row in rows],
    )
    still = {row["id"] async for row in found}
    return [row for row in rows if row.id in still]


async def list_known(session: Session, ids: Sequence[UUID]) -> set[UUID]:
    """Find out which of these have a row."""
    return {row["id"] async for row in queries.list_known(session.connection, ids=list(ids))} if ids else set()


def _shown(ids: Sequence[UUID]) -> tuple[str, ...]:
    return tuple(str(job_id) for job_id in ids)
