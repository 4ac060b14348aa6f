"""Runs in the ledger: claimed, ended well, failed, postponed, buried. Each write names the run it is for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ments.db import Primary, Transaction, load_queries, write_array
from ments.jobs.ledger.batch import Batch
from ments.jobs.model import JobState, LeaseLost

queries = load_queries(__file__)

_SILENT_S = 6.0
"""The queue gave the job away because its lock ran out; with three heartbeats missing as well its worker is gone."""
_STACKS_KEPT = 5


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run that has begun.

    waited_s  from the moment it was due
    """

    id: UUID
    lease: int
    attempts: int
    attempts_max: int
    backoff_s: float
    crashes: int
    postponed: int
    revived: bool
    steps: Mapping[str, Any]
    waited_s: float


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a claim was refused. `state` is None when the ledger has no such job."""

    state: JobState | None
    is_older: bool = False

    @property
    def is_live(self) -> bool:
        """Whether it has not ended: another worker runs it, or has just put it back, between the claim and the look."""
        return self.state in (JobState.ACCEPTED, JobState.QUEUED, JobState.RUNNING) and not self.is_older


@dataclass(frozen=True, slots=True)
class _Asked:
    id: UUID
    generation: int
    timeout_s: float


class Ledger:
    """The ledger, as one worker process writes it. `owner` names the process in each row that it runs."""

    def __init__(self, primary: Primary, owner: str) -> None:
        self._primary = primary
        self._owner = owner
        self._claims: Batch[_Asked, Claimed | Refused] = Batch(self._claim)
        self._completions: Batch[tuple[UUID, int], bool] = Batch(self._complete)

    async def claim(self, job_id: UUID, generation: int, timeout_s: float) -> Claimed | Refused:
        """Begin a run of the job behind an entry of the queue. Raises psycopg.Error."""
        return await self._claims.do(_Asked(job_id, generation, timeout_s))

    async def has_crashed(self, job_id: UUID) -> bool:
        """Whether a run of the job ended with its worker, as far as is known."""
        async with self._primary.session() as session:
            row = await queries.find_crashed(session.connection, id=job_id)
        return bool(row and row["crashed"])

    async def complete(self, job_id: UUID, lease: int) -> bool:
        """End a run well. False when another has overtaken it, or it was ended in its own transaction."""
        return await self._completions.do((job_id, lease))

    async def retry(self, job_id: UUID, lease: int, *, delay_s: float, code: str, cause: str, stack: str) -> bool:
        """End a run as failed; the job is due again in `delay_s`. False when it was overtaken."""
        async with self._primary.session() as session:
            rows: int = await queries.retry_job(
                session.connection,
                id=job_id,
                lease=lease,
                delay_s=delay_s,
                code=code,
                cause=cause,
                stack=stack,
                stacks_kept=_STACKS_KEPT,
            )
        return bool(rows)

    async def postpone(
        self, job_id: UUID, lease: int, *, delay_s: float, counted: bool, code: str | None = None, cause: str = ""
    ) -> bool:
        """End a run through no fault of the job's; `counted` towards MAX_POSTPONED."""
        async with self._primary.session() as session:
            rows: int = await queries.postpone_job(
                session.connection,
                id=job_id,
                lease=lease,
                delay_s=delay_s,
                counted=int(counted),
                code=code,
                cause=cause or None,
            )
        return bool(rows)

    async def finish_step(self, job_id: UUID, lease: int, name: str, result: Any) -> None:
        """Keep the result of a step. Raises LeaseLost."""
        async with self._primary.session() as session:
            kept = await queries.finish_step(
                session.connection, id=job_id, lease=lease, name=name, result=json.dumps(result)
            )
        if not kept:
            raise LeaseLost(f"Another run of job {job_id} has begun.")

    async def adopt(
        self,
        job_id: UUID,
        *,
        queue: str,
        task: str,
        payload: str,
        outside_id: str,
        attempts: int,
        backoff_s: float,
        traceparent: str | None,
    ) -> None:
        """Make a row for an entry that has none."""
        async with self._primary.session() as session:
            await queries.adopt_job(
                session.connection,
                id=job_id,
                queue=queue,
                task=task,
                payload=payload,
                traceparent=traceparent,
                outside_id=outside_id,
                attempts=attempts,
                backoff_s=backoff_s,
            )

    async def _claim(self, asked: Sequence[_Asked]) -> list[Claimed | Refused]:
        async with self._primary.session() as session:
            found = {
                (row["id"], row.pop("generation")): Claimed(**row)
                async for row in queries.claim_jobs(
                    session.connection,
                    ids=write_array(one.id for one in asked),
                    generations=write_array(one.generation for one in asked),
                    timeouts=write_array(one.timeout_s for one in asked),
                    owner=self._owner,
                    silent_s=_SILENT_S,
                )
            }
            # The same job asked for twice in one batch, by one entry or by two, began once: `pop` leaves the other refused.
            begun = [found.pop((one.id, one.generation), None) for one in asked]
            refused = [one.id for one, run in zip(asked, begun, strict=True) if run is None]
            rows = (
                {row["id"]: row async for row in queries.look_at_jobs(session.connection, ids=write_array(refused))}
                if refused
                else {}
            )
        return [run or _refusal(rows.get(one.id), one) for one, run in zip(asked, begun, strict=True)]

    async def _complete(self, ended: Sequence[tuple[UUID, int]]) -> list[bool]:
        async with self._primary.session() as session:
            done = {
                (row["id"], row["lease"])
                async for row in queries.complete_jobs(
                    session.connection,
                    ids=write_array(job_id for job_id, _ in ended),
                    leases=write_array(lease for _, lease in ended),
                )
            }
        return [run in done for run in ended]


def _refusal(row: Mapping[str, Any] | None, asked: _Asked) -> Refused:
    if row is None:
        return Refused(None)
    return Refused(JobState(row["state"]), is_older=row["generation"] != asked.generation)


async def commit_run(tx: Transaction, job_id: UUID, lease: int) -> None:
    """Mark a job done in the transaction that writes its effect. Raises LeaseLost when its run was overtaken."""
    done = [
        row
        async for row in queries.complete_jobs(tx.connection, ids=write_array([job_id]), leases=write_array([lease]))
    ]
    if not done:
        raise LeaseLost(f"Another run of job {job_id} has begun, or it has ended.")


async def bury_run(
    tx: Transaction, job_id: UUID, lease: int, *, code: str, cause: str, stack: str | None = None, counted: bool = True
) -> dict[str, Any] | None:
    """Make a dead letter of a running job: {id, queue, task, payload}, or None when its run was overtaken.

    counted  the run was an attempt of the task itself
    """
    row: dict[str, Any] | None = await queries.bury_job(
        tx.connection,
        id=job_id,
        lease=lease,
        counted=int(counted),
        code=code,
        cause=cause,
        stack=stack,
        stacks_kept=_STACKS_KEPT,
    )
    return row
