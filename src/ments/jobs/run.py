"""One run of one job: find its task, read its event, run it, and tell the queue how it ended."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from typing import Any

import structlog
from bullmq import Job, UnrecoverableError
from bullmq.custom_errors import DelayedError

from ments.errors import MentsError, Permanent
from ments.jobs.bindings import Bindings
from ments.jobs.model import JobContext, JobsError, TaskDefinition
from ments.observe import report_error, scrub_text, trace_from
from ments.observe.metrics import JOB_RUN_SECONDS, JOB_WAIT_SECONDS, JOBS_RUNNING

log = structlog.get_logger()
_STACKS_KEPT = 5
_MESSAGE_CHARACTERS = 2_000


class HandedBack(Exception):
    """The worker must go before the job is done."""


class Runs:
    """The runs of one worker."""

    def __init__(self, queue: str, bindings: Bindings, parts: Any) -> None:
        self._queue = queue
        self._bindings = bindings
        self._parts = parts
        self._running: dict[str, asyncio.Task[None]] = {}
        self._leaving = False

    @property
    def running(self) -> int:
        """How many jobs are being run."""
        return len(self._running)

    def hand_back(self) -> None:
        """End every run now; its job goes back to the queue for another worker, with no attempt used up."""
        self._leaving = True
        for task in self._running.values():
            task.cancel()

    async def process(self, job: Job, token: str) -> None:
        """Run a job. Returning completes it; raising UnrecoverableError ends it; raising anything else retries it."""
        # The stack of a failure is kept with the job; it must not hold a signed URL.
        job.updateStacktrace = lambda: _keep_stack(job)
        definition = self._bindings.find_task(self._queue, job.name)
        traceparent = _traceparent_of(job)
        with (
            trace_from(traceparent, f"run {job.name}", kind="consumer", queue=self._queue, job_id=str(job.id)) as run,
            structlog.contextvars.bound_contextvars(job_id=job.id, queue=self._queue, task=job.name),
        ):
            if definition is None:
                refused = JobsError(f"There is no task {job.name!r} on the queue {self._queue!r} in this version.")
                self._log_end(refused, "failed", final=True)
                raise UnrecoverableError(refused.safe) from refused
            _adopt(job, definition)
            context = _context(job, definition)
            run.set_attribute("attempt", context.attempt)
            await self._run(job, token, definition, context)

    async def _run(self, job: Job, token: str, definition: TaskDefinition, context: JobContext) -> None:
        if context.attempt == 1 and not job.stalledCounter:
            waited_s = max(0.0, time.time() - job.timestamp / 1000 - job.delay / 1000)
            JOB_WAIT_SECONDS.labels(self._queue, definition.name).observe(waited_s)
        started = time.perf_counter()
        outcome = "done"
        gauge = JOBS_RUNNING.labels(self._queue)
        gauge.inc()
        try:
            event = definition.decode(job.data)
            await self._in_its_own_task(context.id, definition, context, event)
        except HandedBack:
            outcome = "handed_back"
            log.info("job_handed_back", attempt=context.attempt)
            await job.moveToDelayed(round(time.time() * 1000), token)
            raise DelayedError from None
        except (Permanent, JobsError) as error:
            outcome = "failed"
            self._log_end(error, outcome, final=True, attempt=context.attempt)
            raise UnrecoverableError(_shown(error)) from error
        except Exception as error:
            outcome = "failed" if context.last_attempt else "retried"
            self._log_end(error, outcome, final=context.last_attempt, attempt=context.attempt)
            raise RuntimeError(_shown(error)) from error
        finally:
            gauge.dec()
            took_s = time.perf_counter() - started
            JOB_RUN_SECONDS.labels(self._queue, definition.name, outcome).observe(took_s)
        log.info("job_done", attempt=context.attempt, ms=round(took_s * 1000, 1))

    async def _in_its_own_task(self, job_id: str, definition: TaskDefinition, context: JobContext, event: Any) -> None:
        """Run the function as a task of its own, so that ending it, or whatever it raises, does not end the worker."""
        task = asyncio.create_task(_call(definition, self._parts, context, event))
        self._running[job_id] = task
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            del self._running[job_id]
        if task.cancelled():
            if self._leaving:
                raise HandedBack
            # A cancellation that leaked out of the function: the library's loop would end with it.
            raise RuntimeError("The task was cancelled from within.")
        task.result()

    def _log_end(self, error: Exception, outcome: str, *, final: bool, attempt: int = 1) -> None:
        """Log a failure; report it once, when it is final and not just a member's bad file."""
        expected = isinstance(error, Permanent)
        if expected:
            log.warning("job_failed", attempt=attempt, error=_shown(error), cause=_shown(error.__cause__))
            return
        if not final:
            log.warning("job_retried", attempt=attempt, error=_shown(error), exc_info=error)
            return
        log.error("job_failed", attempt=attempt, error=_shown(error), exc_info=error)
        report_error(error, queue=self._queue, outcome=outcome)


async def _call(definition: TaskDefinition, parts: Any, context: JobContext, event: Any) -> None:
    try:
        await definition(parts, context, event)
    except (SystemExit, KeyboardInterrupt) as error:
        # Raised in a task, these would end the event loop and every other job with it.
        raise RuntimeError(f"The task raised {type(error).__name__}.") from error


def _adopt(job: Job, definition: TaskDefinition) -> None:
    """Give a job that a plain producer added, without options, the retries of its task."""
    if not job.opts.get("attempts"):
        job.opts["attempts"] = definition.attempts
    if not job.opts.get("backoff"):
        job.opts["backoff"] = {"type": "exponential", "delay": round(definition.backoff_s * 1000)}


def _context(job: Job, definition: TaskDefinition) -> JobContext:
    async def report(fraction: float) -> None:
        try:
            await job.updateProgress(round(fraction, 4))
        except Exception as error:
            # Only for the eye: the job goes on.
            log.warning("progress_not_shown", error=str(error))

    return JobContext(
        id=str(job.id),
        queue=definition.queue,
        task=definition.name,
        attempt=job.attemptsMade + 1,
        attempts=job.opts["attempts"],
        _report=report,
    )


def _traceparent_of(job: Job) -> str | None:
    """The trace that the producer put in, ours or the Node library's."""
    try:
        carried = json.loads(job.opts.get("tm") or "{}")
    except (TypeError, ValueError):
        return None
    found = carried.get("traceparent") if isinstance(carried, dict) else None
    return found if isinstance(found, str) else None


def _keep_stack(job: Job) -> None:
    job.stacktrace = [*job.stacktrace, scrub_text(traceback.format_exc())][-_STACKS_KEPT:]


def _shown(error: BaseException | None) -> str:
    if error is None:
        return ""
    text = error.safe if isinstance(error, MentsError) else f"{type(error).__name__}: {error}"
    return scrub_text(text)[:_MESSAGE_CHARACTERS]
