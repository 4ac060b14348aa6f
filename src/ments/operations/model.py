"""What operators are shown of jobs, what they may choose, and what can be wrong with a choice. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from ments.errors import Conflict, Invalid, NotFound
from ments.jobs.model import LedgerJob

IDS_MOST = 1_000
"""Jobs that one request may name; for more there are filters."""


class JobNotFound(NotFound):
    """The ledger has no such job: it never had, or its history has been pruned."""

    code = "job_not_found"


class JobNotDead(Conflict):
    """Only dead letters can be retried or discarded."""

    code = "job_not_dead"


class UnclearSelection(Invalid):
    """Which dead letters are meant is not said, or said twice."""

    code: ClassVar[str] = "unclear_selection"


class UnknownState(Invalid):
    """Jobs have no such state."""

    code: ClassVar[str] = "unknown_state"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are meant: by filter, by id (both: those that fit both), or all.

    q      is part of the cause
    since  died then or later
    """

    queue: str | None = None
    task: str | None = None
    code: str | None = None
    q: str | None = None
    since: datetime | None = None
    ids: tuple[UUID, ...] | None = None
    all: bool = False


class Mood(StrEnum):
    """How the jobs are doing."""

    WELL = "well"
    WATCH = "watch"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of things in words."""

    mood: Mood
    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter in a list; what it was about is shown with the job itself."""

    id: UUID
    queue: str
    task: str
    code: str | None
    cause: str | None
    attempts: int
    attempts_max: int
    crashes: int
    postponed: int
    account_id: UUID | None
    accepted_at: datetime
    died_at: datetime

    @classmethod
    def of(cls, job: LedgerJob) -> DeadLetter:
        """Take it from its row."""
        return cls(
            job.id,
            job.queue,
            job.task,
            job.code,
            job.cause,
            job.attempts,
            job.attempts_max,
            job.crashes,
            job.postponed,
            job.account_id,
            job.accepted_at,
            job.finished_at or job.accepted_at,
        )


@dataclass(frozen=True, slots=True)
class DeadPage:
    """A page of dead letters, newest first."""

    jobs: list[DeadLetter]
    cursor: str | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class JobView:
    """Everything that the ledger knows of a job. Payload, stacks and steps may hold what members wrote."""

    id: UUID
    queue: str
    task: str
    state: str
    code: str | None
    cause: str | None
    stacks: list[str]
    attempts: int
    attempts_max: int
    crashes: int
    postponed: int
    revived: bool
    generation: int
    lease: int
    turn: int
    owner: str | None
    account_id: UUID | None
    account: str | None
    outside_id: str | None
    trace_id: str | None
    traceparent: str | None
    accepted_at: datetime
    due_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    deadline_at: datetime | None
    finished_at: datetime | None
    payload: Any
    steps: Mapping[str, Any]


def view_of(job: LedgerJob, account: str | None) -> JobView:
    """Lay a row out. `account` is the username behind its account_id, None when that is gone."""
    return JobView(
        id=job.id,
        queue=job.queue,
        task=job.task,
        state=str(job.state),
        code=job.code,
        cause=job.cause,
        stacks=list(job.stacks),
        attempts=job.attempts,
        attempts_max=job.attempts_max,
        crashes=job.crashes,
        postponed=job.postponed,
        revived=job.revived,
        generation=job.generation,
        lease=job.lease,
        turn=job.turn,
        owner=job.owner,
        account_id=job.account_id,
        account=account,
        outside_id=job.outside_id,
        trace_id=trace_id_of(job.traceparent),
        traceparent=job.traceparent,
        accepted_at=job.accepted_at,
        due_at=job.due_at,
        started_at=job.started_at,
        heartbeat_at=job.heartbeat_at,
        deadline_at=job.deadline_at,
        finished_at=job.finished_at,
        payload=job.payload,
        steps=job.steps,
    )


def trace_id_of(traceparent: str | None) -> str | None:
    """Take the trace's id from a W3C traceparent (00-TRACE-SPAN-FLAGS)."""
    pieces = traceparent.split("-") if traceparent else []
    return pieces[1] if len(pieces) == 4 else None
