"""Accepting jobs: their rows, in the transaction that causes them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from ments.db import Transaction, load_queries, write_array
from ments.jobs.ledger.turns import take_turns
from ments.jobs.model import QueuedJob, Rank

queries = load_queries(__file__)


class NewJob(msgspec.Struct, frozen=True):
    """A job to be accepted. `payload` is JSON text."""

    id: UUID
    queue: str
    task: str
    payload: str
    attempts: int
    backoff_s: float
    rank: Rank
    account_id: UUID | None
    delay_s: float


async def insert_jobs(tx: Transaction, jobs: Sequence[NewJob], traceparent: str | None) -> list[int]:
    """Write down jobs, 1 or more. Returns their turns, in their order."""
    turns = await _take_turns(tx, jobs)
    rows = [{**msgspec.structs.asdict(job), "turn": turn} for job, turn in zip(jobs, turns, strict=True)]
    await queries.insert_jobs(tx.connection, jobs=msgspec.json.encode(rows).decode(), traceparent=traceparent)
    return turns


async def mark_queued(tx: Transaction, jobs: Sequence[QueuedJob]) -> None:
    """The queue has entries of these."""
    await queries.mark_queued(
        tx.connection,
        ids=write_array(job.id for job in jobs),
        generations=write_array(job.generation for job in jobs),
    )


async def _take_turns(tx: Transaction, jobs: Sequence[NewJob]) -> list[int]:
    """One look for all jobs of one account and kind: a post's hundred are a single statement."""
    places: dict[tuple[str, Rank, UUID | None], list[int]] = {}
    for place, job in enumerate(jobs):
        places.setdefault((job.queue, job.rank, job.account_id), []).append(place)
    turns = [0] * len(jobs)
    # In one order everywhere: taking holds the account, and two transactions that take for the same must not wait in a ring.
    # What is held is the account, so its ranks come one after the other (and as in `dead.py`).
    for (queue, rank, account_id), alike in sorted(places.items(), key=_in_order):
        taken = await take_turns(tx, queue, rank, account_id, how_many=len(alike))
        for place, turn in zip(alike, taken, strict=True):
            turns[place] = turn
    return turns


def _in_order(place: tuple[tuple[str, Rank, UUID | None], list[int]]) -> tuple[str, str, int]:
    (queue, rank, account_id), _ = place
    return queue, str(account_id or ""), rank
