"""The nouns of jobs: a task's definition, one run of it, what is queued. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from ments.errors import MentsError

QUEUES = ("media", "default")
# Larger payloads belong in Postgres or in storage, and their id in the event.
MAX_PAYLOAD_BYTES = 64 * 1024


class JobsError(MentsError):
    """Tasks and events do not fit together: a mistake in the program, seen at start-up or in `emit`."""

    code = "jobs"


class UnfitPayload(JobsError):
    """A queued payload does not fit the event type of its task."""

    code = "unfit_payload"


@dataclass(frozen=True, slots=True)
class JobContext:
    """One run of a job, as its task sees it."""

    id: str
    queue: str
    task: str
    # From 1. A run that ended with its worker is not counted.
    attempt: int
    attempts: int
    _report: Callable[[float], Awaitable[None]]

    @property
    def last_attempt(self) -> bool:
        """Whether a failure of this run is final."""
        return self.attempt >= self.attempts

    async def report_progress(self, fraction: float) -> None:
        """Show how far the job is, from 0 to 1, to whoever looks at the queue. Never fails the job."""
        await self._report(min(1.0, max(0.0, fraction)))


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A task: which queue it runs on, what it takes, how often it is tried. Called like the function itself.

    attempts   runs at most, the first included
    backoff_s  pause after the first failure, doubled after each further one
    """

    queue: str
    name: str
    attempts: int
    backoff_s: float
    event_type: type[Any]
    run: Callable[[Any, JobContext, Any], Awaitable[None]]

    async def __call__(self, parts: Any, job: JobContext, event: Any) -> None:
        await self.run(parts, job, event)

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
    """A job as it goes into the queue."""

    job_id: str
    queue: str
    task: str
    payload: Any
    attempts: int
    backoff_s: float
    traceparent: str | None = None


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
