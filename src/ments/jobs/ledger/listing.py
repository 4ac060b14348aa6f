"""Jobs of the ledger as operators look at them: one with everything, or a list of those in a state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ments.db import Session, load_queries
from ments.jobs.model import QUEUES, JobState, LedgerJob

queries = load_queries(__file__, "listing.sql")

PENDING = (JobState.ACCEPTED, JobState.QUEUED, JobState.RUNNING)
_LOOKED_THROUGH = 50_000


def job_of(row: Mapping[str, Any]) -> LedgerJob:
    """Read a row of `jobs`; columns that were left out keep their defaults. Pure."""
    values = dict(row)
    values["state"] = JobState(values["state"])
    if "stacks" in values:
        values["stacks"] = tuple(values["stacks"])
    return LedgerJob(**values)


async def find_job(session: Session, job_id: UUID) -> LedgerJob | None:
    """Read one job, payload, stacks and steps included."""
    row = await queries.find_job(session.connection, id=job_id)
    return job_of(row) if row else None


async def list_pending(
    session: Session, *, queue: str | None = None, state: JobState | None = None, task: str | None = None, n: int
) -> list[LedgerJob]:
    """List what waits or runs, the longest accepted first. `state` is one of PENDING, None means all three."""
    if queue is None:
        found = [row["queue"] async for row in queries.list_pending_queues(session.connection)]
        queues = sorted({*QUEUES, *found})
    else:
        queues = [queue]
    states = [str(one) for one in ([state] if state else PENDING)]
    rows = queries.list_pending(session.connection, queues=queues, states=states, task=task, n=n)
    return [job_of(row) async for row in rows]


async def list_ended(
    session: Session, *, state: JobState, queue: str | None = None, task: str | None = None, n: int
) -> list[LedgerJob]:
    """List what is done or was discarded, newest first; of a queue or task within the newest 50,000 of that state."""
    rows = queries.list_ended(session.connection, state=str(state), queue=queue, task=task, most=_LOOKED_THROUGH, n=n)
    return [job_of(row) async for row in rows]
