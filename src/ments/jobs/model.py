"""The nouns of jobs: a task's definition, a job's row in the ledger, one run of it, its entry in the queue. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import msgspec

from ments.errors import MentsError

if TYPE_CHECKING:
    from ments.db import Transaction

QUEUES = ("media", "ladder", "default")
"""Each with slots of its own: what makes media playable never waits for what makes them better, nor light work for either."""
# Larger payloads belong in Postgres or in storage, and their id in the event.
MAX_PAYLOAD_BYTES = 64 * 1024
LEASE_S = 12.0
"""A running job whose worker was silent this long is given to another. A worker renews every HEARTBEAT_S."""
HEARTBEAT_S = 2.0
MAX_CRASHES = 3
MAX_POSTPONED = 2_880
"""A day of waiting for a part that is away, half a minute at a time."""


class JobState(StrEnum):
    """Where a job stands. The last three are final; a dead letter may be retried by an operator."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    DISCARDED = "discarded"


class Rank(IntEnum):
    """How many rounds of the waiting accounts a task lets pass, in a queue that takes turns."""

    FIRST = 0
    LATER = 64
    BACKGROUND = 512


class JobsError(MentsError):
    """Tasks and events do not fit together: a mistake in the program, seen at start-up or in `emit`."""

    code = "jobs"


class UnfitPayload(JobsError):
    """A queued payload does not fit the event type of its task."""

    code = "unfit_payload"


class LeaseLost(MentsError):
    """Another worker has taken the job over: this run must change nothing more."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class JobDied:
    """A job became a dead letter; emitted in the same transaction, for whoever must end what hung on it.

    payload  as it was queued; None when it was over the bound
    """

    job_id: UUID
    queue: str
    task: str
    code: str
    cause: str
    payload: Any = None


class Lease(Protocol):
    """What a run may write into the ledger; each raises LeaseLost once another run has begun."""

    async def commit(self, tx: Transaction) -> None:
        """Mark the job done in `tx`."""

    async def finish_step(self, name: str, result: Any) -> None:
        """Keep the result of a step for a later run."""

    async def report(self, fraction: float) -> None:
        """Show progress in the queue."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """One run of a job, as its task sees it."""

    # The ledger's, the same in every run.
    id: str
    queue: str
    task: str
    # From 1. Runs that ended with their worker, or since a part was away, are not counted.
    attempt: int
    attempts: int
    _lease: Lease
    # Counts the runs; the newest alone may write.
    lease: int = 1
    # An operator took it from the dead letters.
    revived: bool = False
    # {step: result} of earlier runs.
    steps: Mapping[str, Any] = field(default_factory=dict)

    @property
    def last_attempt(self) -> bool:
        """Whether a failure of this run is final."""
        return self.attempt >= self.attempts

    async def commit(self, tx: Transaction) -> None:
        """Mark the job done in the transaction that writes its effect, which so happens exactly once.

        Raises LeaseLost, which rolls the effect back, when another run has begun or the job has ended.
        """
        await self._lease.commit(tx)

    async def finish_step(self, name: str, result: Any = None) -> None:
        """Keep what a step has made (JSON values, small), so that a later run finds it in `steps`. Raises LeaseLost."""
        await self._lease.finish_step(name, result)

    async def report_progress(self, fraction: float) -> None:
        """Show how far the job is, from 0 to 1, to whoever looks at the queue. Never fails the job."""
        await self._lease.report(min(1.0, max(0.0, fraction)))


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A task: which queue it runs on, what it takes, how often it is tried. Called like the function itself.

    attempts   runs at most, the first included
    backoff_s  pause after the first failure, doubled after each further one, with up to a quarter on top
    timeout_s  a run that takes longer is ended, and counts as a failure
    rank       its place in a queue that takes turns
    account_of whose job it is, for fairness; None: nobody's
    """

    queue: str
    name: str
    attempts: int
    backoff_s: float
    event_type: type[Any]
    run: Callable[[Any, JobContext, Any], Awaitable[Any]]
    timeout_s: float = 60.0
    rank: Rank = Rank.FIRST
    account_of: Callable[[Any], UUID | None] | None = None

    async def __call__(self, parts: Any, job: JobContext, event: Any) -> Any:
        """Run it. What it returns (JSON values) is shown in the queue."""
        return await self.run(parts, job, event)

    async def later(self, parts: Any, tx: Transaction, event: Any, *, delay_s: float = 0.0) -> UUID:
        """Accept one job of this task in the caller's transaction; returns its id.

        parts  whose `outbox` takes it
        Raises JobsError when the payload is too large or of another type.
        """
        job_id: UUID = await parts.outbox.add(tx, self, event, delay_s=delay_s)
        return job_id

    def decode(self, payload: Any) -> Any:
        """Turn a queued payload (JSON values) into the event; members it does not know are passed over.

        Raises UnfitPayload.
        """
        try:
            return msgspec.convert(payload, self.event_type)
        except msgspec.ValidationError as error:
            raise UnfitPayload(f"The payload does not fit {self.event_type.__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job as it goes into the queue: one entry, of one generation."""

    id: UUID
    generation: int
    queue: str
    task: str
    payload: Any
    attempts: int
    backoff_s: float
    turn: int = 0
    delay_s: float = 0.0
    traceparent: str | None = None
    # It came back after its worker died, or its entry was lost.
    suspect: bool = False

    @property
    def entry_id(self) -> str:
        """The id in the queue. Each entry has its own, since an id that is known is passed over silently."""
        return f"{self.id}-{self.generation}"


@dataclass(frozen=True, slots=True)
class LedgerJob:
    """A job's row. Times are the database's."""

    id: UUID
    queue: str
    task: str
    state: JobState
    generation: int
    lease: int
    attempts: int
    attempts_max: int
    crashes: int
    postponed: int
    turn: int
    accepted_at: datetime
    due_at: datetime
    payload: Any = None
    traceparent: str | None = None
    account_id: UUID | None = None
    outside_id: str | None = None
    # An operator took it from the dead letters.
    revived: bool = False
    owner: str | None = None
    heartbeat_at: datetime | None = None
    deadline_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    code: str | None = None
    cause: str | None = None
    stacks: tuple[str, ...] = ()
    steps: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """Work that is due every so often, once for the whole deployment.

    every_s    period in seconds, from one start to the next
    timeout_s  a run is ended after this many seconds
    """

    name: str
    every_s: float
    timeout_s: float
    run: Callable[[Any], Awaitable[None]]

    async def __call__(self, parts: Any) -> None:
        await self.run(parts)
