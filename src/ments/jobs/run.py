"""One run of one job: claim it in the ledger, run its task, and end it in ledger and queue."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import structlog
from bullmq import Job

from ments.errors import Retryable
from ments.jobs.adopt import adopt, read_entry_id
from ments.jobs.bindings import Bindings
from ments.jobs.endings import Endings, delay
from ments.jobs.lease import RunLease
from ments.jobs.ledger import Claimed, Leases, Ledger, Refused
from ments.jobs.model import MAX_CRASHES, JobContext, JobsError, LeaseLost, TaskDefinition
from ments.jobs.queue import KEPT_COMPLETED, KEPT_FAILED
from ments.jobs.trouble import words_of
from ments.observe import parse_traceparent, trace_from
from ments.observe.metrics import JOB_RUN_SECONDS, JOB_WAIT_SECONDS, JOBS_DUPLICATE, JOBS_RUNNING

log = structlog.get_logger()

# A job whose worker may still live, or whose ledger does not answer, is looked at again after this long.
_LOOK_AGAIN_S = 2.0
_SUSPECT_AGAIN_S = 1.0
_SUSPECTED_S = 60.0
# A task that was told to end has this long to clean up.
_GRACE_S = 10.0
_UNKNOWN_TIMEOUT_S = 60.0


class HandedBack(Exception):
    """The worker must go before the job is done."""


class TookTooLong(Retryable):
    """A run was ended since it took longer than its task may."""

    code = "timeout"


class Poison(JobsError):
    """The workers that ran it died, each time."""

    code = "poison"


class Runs:
    """The runs of one worker."""

    def __init__(
        self, queue: str, bindings: Bindings, parts: Any, *, ledger: Ledger, leases: Leases, endings: Endings
    ) -> None:
        self._queue = queue
        self._bindings = bindings
        self._parts = parts
        self._ledger = ledger
        self._leases = leases
        self._endings = endings
        # Not by job: after a time of silence the next run may begin here while the one before is still being ended.
        self._running: set[asyncio.Task[Any]] = set()
        self._suspect: object | None = None
        self._leaving = False

    @property
    def running(self) -> int:
        """How many jobs are being run."""
        return len(self._running)

    def hand_back(self) -> None:
        """End every run now; its job goes back to the queue for another worker, with no attempt used up."""
        self._leaving = True
        self._endings.hurry()
        for task in self._running:
            task.cancel()

    async def process(self, job: Job, token: str) -> Any:
        """Run a job. Returning completes its entry; UnrecoverableError ends it; any other error brings it back."""
        definition = self._bindings.find_task(self._queue, job.name)
        traceparent = _traceparent_of(job)
        _bound_what_is_kept(job)
        with (
            trace_from(traceparent, f"run {job.name}", kind="consumer", queue=self._queue, job_id=str(job.id)) as run,
            structlog.contextvars.bound_contextvars(job_id=job.id, queue=self._queue, task=job.name),
        ):
            async with self._alone_if_suspect(job, token):
                claimed, wrong = await self._claim(job, token, definition, traceparent)
                if claimed is None:
                    return None
                run.set_attribute("attempt", claimed.attempts + 1)
                return await self._run(job, token, definition, claimed, wrong)

    @asynccontextmanager
    async def _alone_if_suspect(self, job: Job, token: str) -> AsyncIterator[None]:
        """Let jobs that came back after a crash run one at a time, so that a poisonous one can't take others with it.

        One that has run for a while lets the next one in: a film of an hour is not to hold up all that crashed with it.
        """
        if not await self._is_suspect(job):
            yield
            return
        if self._suspect is not None:
            await delay(job, token, _SUSPECT_AGAIN_S)
        self._suspect = me = object()

        def let_others_in() -> None:
            if self._suspect is me:
                self._suspect = None

        later = asyncio.get_running_loop().call_later(_SUSPECTED_S, let_others_in)
        try:
            yield
        finally:
            later.cancel()
            let_others_in()

    async def _is_suspect(self, job: Job) -> bool:
        """Whether a run of it has crashed. That its lock ran out says little: Valkey may have been away."""
        if not job.stalledCounter and not job.opts.get("suspect"):
            return False
        entry = read_entry_id(str(job.id))
        if entry is None:
            return True
        try:
            return await self._ledger.has_crashed(entry[0])
        except psycopg.Error:
            return True

    async def _claim(
        self, job: Job, token: str, definition: TaskDefinition | None, traceparent: str | None
    ) -> tuple[Claimed | None, JobsError | None]:
        """Begin a run in the ledger, of a foreign entry after adopting it. None: the entry is of no use any more."""
        wrong: JobsError | None = None
        timeout_s = definition.timeout_s if definition else _UNKNOWN_TIMEOUT_S
        try:
            entry = read_entry_id(str(job.id))
            claimed = await self._ledger.claim(*entry, timeout_s) if entry else Refused(None)
            if isinstance(claimed, Refused) and claimed.state is None:
                job_id, generation, wrong = await adopt(self._ledger, self._queue, job, definition, traceparent)
                claimed = await self._ledger.claim(job_id, generation, timeout_s)
        except psycopg.Error as error:
            log.warning("job_not_claimed", error=words_of(error))
            await delay(job, token, _LOOK_AGAIN_S)
        if isinstance(claimed, Claimed):
            return claimed, wrong
        if claimed.is_live:
            # The queue took it from its worker; the ledger still hears from that one.
            await delay(job, token, _LOOK_AGAIN_S)
        reason = "older_entry" if claimed.is_older else str(claimed.state)
        JOBS_DUPLICATE.labels(self._queue, reason).inc()
        log.info("duplicate_suppressed", reason=reason)
        return None, None

    async def _run(
        self, job: Job, token: str, definition: TaskDefinition | None, claimed: Claimed, wrong: JobsError | None
    ) -> Any:
        label = definition.name if definition else "unknown"
        if claimed.attempts == 0 and claimed.lease == 1:
            JOB_WAIT_SECONDS.labels(self._queue, label).observe(max(0.0, claimed.waited_s))
        started = time.perf_counter()
        outcome = "failed"
        gauge = JOBS_RUNNING.labels(self._queue)
        gauge.inc()
        try:
            lease = RunLease(self._ledger, job, claimed.id, claimed.lease)
            result = await self._call(job, definition, claimed, wrong, lease)
            if not lease.committed:
                await self._endings.done(claimed)
            outcome = "done"
            return result
        except HandedBack:
            outcome = "handed_back"
            await self._endings.handed_back(job, token, claimed)
        except LeaseLost as error:
            outcome = self._overtaken(error)
            return None
        except Exception as error:
            try:
                await self._endings.failed(job, token, claimed, error)
            except LeaseLost as lost:
                outcome = self._overtaken(lost)
                return None
        finally:
            self._leases.release(claimed.id, claimed.lease)
            gauge.dec()
            took_s = time.perf_counter() - started
            JOB_RUN_SECONDS.labels(self._queue, label, outcome).observe(took_s)
            log.info("job_ran", outcome=outcome, attempt=claimed.attempts + 1, ms=round(took_s * 1000, 1))

    async def _call(
        self,
        job: Job,
        definition: TaskDefinition | None,
        claimed: Claimed,
        wrong: JobsError | None,
        lease: RunLease,
    ) -> Any:
        """Run the task, unless something about the job is wrong from the start. Raises what ends the run."""
        if claimed.crashes >= MAX_CRASHES:
            raise Poison(f"The worker died each of the {claimed.crashes} times that it ran this job.")
        if definition is None:
            raise self._bindings.unknown(self._queue, job.name)
        if wrong is not None:
            raise wrong
        event = definition.decode(job.data)
        context = JobContext(
            id=str(claimed.id),
            queue=definition.queue,
            task=definition.name,
            attempt=claimed.attempts + 1,
            attempts=claimed.attempts_max,
            lease=claimed.lease,
            revived=claimed.revived,
            steps=claimed.steps,
            _lease=lease,
        )
        return await self._in_its_own_task(definition, claimed, context, event)

    async def _in_its_own_task(
        self, definition: TaskDefinition, claimed: Claimed, context: JobContext, event: Any
    ) -> Any:
        """Run the function as a task of its own, so that ending it, or whatever it raises, does not end the worker."""
        task = asyncio.create_task(_called(definition, self._parts, context, event))
        lost = asyncio.Event()

        def overtaken() -> None:
            lost.set()
            task.cancel()

        self._leases.hold(claimed.id, claimed.lease, overtaken)
        self._running.add(task)
        if self._leaving:
            task.cancel()
        try:
            done, _ = await asyncio.wait([task], timeout=definition.timeout_s)
            if not done:
                await self._stop(task)
                raise TookTooLong(f"It took longer than {definition.timeout_s:.0f} s.")
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            self._running.discard(task)
        if lost.is_set():
            raise LeaseLost("Another run has begun.")
        if task.cancelled():
            if self._leaving:
                raise HandedBack
            # A cancellation that leaked out of the function: the library's loop would end with it.
            raise RuntimeError("The task was cancelled from within.")
        return task.result()

    async def _stop(self, task: asyncio.Task[Any]) -> None:
        task.cancel()
        await asyncio.wait([task], timeout=_GRACE_S)
        if not task.done():
            log.error("task_does_not_stop")

    def _overtaken(self, error: LeaseLost) -> str:
        JOBS_DUPLICATE.labels(self._queue, "overtaken").inc()
        log.warning("job_overtaken", error=error.safe)
        return "overtaken"


async def _called(definition: TaskDefinition, parts: Any, context: JobContext, event: Any) -> Any:
    try:
        return await definition(parts, context, event)
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:
        # SystemExit in a task would end the event loop and every other job with it.
        raise RuntimeError(f"The task raised {type(error).__name__}.") from error


def _bound_what_is_kept(job: Job) -> None:
    """A foreign producer may ask to keep its entries for ever, in memory that is never evicted."""
    for option, ours in (("removeOnComplete", KEPT_COMPLETED), ("removeOnFail", KEPT_FAILED)):
        if job.opts.get(option) is not True:
            job.opts[option] = ours


def _traceparent_of(job: Job) -> str | None:
    """The trace that the producer put in, ours or the Node library's."""
    try:
        carried = json.loads(job.opts.get("tm") or "{}")
    except (TypeError, ValueError, RecursionError):
        return None
    found = carried.get("traceparent") if isinstance(carried, dict) else None
    # It goes into the ledger: nothing else may, of whatever length and whatever Postgres does not hold.
    return found if isinstance(found, str) and parse_traceparent(found) else None
