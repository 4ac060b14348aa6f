"""A worker: runs the jobs of one queue, outlasts the loss of Valkey, and leaves when it is asked to."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog
from bullmq import Worker

from ments.jobs.connection import connect_worker
from ments.jobs.pause import pause
from ments.jobs.queue import KEPT_COMPLETED, KEPT_FAILED
from ments.jobs.run import Runs
from ments.observe import report_error
from ments.observe.metrics import JOBS_STALLED

log = structlog.get_logger()

# A worker that dies is noticed after a lock's length and a look for stalled jobs: 11 s at most.
_LOCK_MS = 8_000
_STALLED_EVERY_MS = 3_000
# The ledger counts crashes and ends what is poisonous. The queue's own bound is for what never gets that far, such as
# an entry that cannot be read.
_STALLS_ALLOWED = 8
# What runs has this long to clean up after it was told to end; what does not, counts as crashed.
_HAND_BACK_S = 4.0
_BLOCK_S = 5
_RETRY_MS = 1_000
_START_AGAIN_S = 1.0
_TURNS_OF_THE_LOOP = 10


class _LeavingWorker(Worker):  # type: ignore[misc]  # the library is untyped
    """The library's worker, which would begin, and not wait for, a job that was being fetched when it was closed."""

    async def getNextJob(self, token: str) -> Any:  # noqa: N802 (the library's name)
        """Fetch a job; once the worker is closing, what had been on its way goes back to the queue at once."""
        if self.closing:
            return None
        job = await super().getNextJob(token)
        if job is None or not self.closing:
            return job
        await job.moveToDelayed(round(time.time() * 1000), token)
        return None


class QueueWorker:
    """Takes jobs from one queue, `concurrency` at once."""

    def __init__(self, queue: str, concurrency: int, *, redis_url: str, owner: str, runs: Runs) -> None:
        self._queue = queue
        self._concurrency = concurrency
        self._redis_url = redis_url
        self._owner = owner
        self._runs = runs

    @property
    def running(self) -> int:
        """How many jobs are being run."""
        return self._runs.running

    async def run(self, stop: asyncio.Event, *, drain_s: float) -> None:
        """Run jobs until `stop` is set; then finish what runs for `drain_s` seconds, and hand the rest back."""
        while not stop.is_set():
            worker = self._connect()
            running = asyncio.create_task(worker.run())
            stopping = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
                if stop.is_set():
                    await self._leave(worker, running, drain_s)
                    return
                # The library's loop ended: Valkey was away at the start, or something it did not expect.
                error = None if running.cancelled() else running.exception()
                log.warning("worker_starts_again", queue=self._queue, error=str(error) if error else "its loop ended")
            finally:
                stopping.cancel()
                running.cancel()
                await asyncio.gather(stopping, running, return_exceptions=True)
                if not worker.closed:
                    await worker.close(force=True)
            await pause(stop, _START_AGAIN_S)

    def _connect(self) -> Worker:
        worker = _LeavingWorker(
            self._queue,
            self._runs.process,
            {
                # A pool without timeouts: the wait for the next job and all else use connections of their own.
                "connection": connect_worker(self._redis_url),
                "autorun": False,
                "name": self._owner,
                "concurrency": self._concurrency,
                "lockDuration": _LOCK_MS,
                "stalledInterval": _STALLED_EVERY_MS,
                "maxStalledCount": _STALLS_ALLOWED,
                "drainDelay": _BLOCK_S,
                "runRetryDelay": _RETRY_MS,
                # For jobs of plain producers, which say nothing about it.
                "removeOnComplete": KEPT_COMPLETED,
                "removeOnFail": KEPT_FAILED,
            },
        )
        # Short delays are waited for to the millisecond. Without this the library rounds up to whole seconds.
        worker.blockingRedisConnection.capabilities = {"canBlockFor1Ms": True, "canDoubleTimeout": True}
        worker.on("stalled", self._on_stalled)
        worker.on("error", self._on_error)
        worker.on("failed", self._on_failed)
        return worker

    async def _leave(self, worker: Worker, running: asyncio.Task[None], drain_s: float) -> None:
        """Take no more jobs; wait for those that run, then hand them back."""
        worker.closing = True
        # What was fetched just before becomes a run that `close` knows of.
        for _ in range(_TURNS_OF_THE_LOOP):
            await asyncio.sleep(0)
        closing = asyncio.create_task(worker.close())
        done, _ = await asyncio.wait([closing], timeout=drain_s)
        if not done:
            self._runs.hand_back()
            await asyncio.wait([closing], timeout=_HAND_BACK_S)
        if not closing.done():
            # Valkey does not take them back: their locks run out, and another worker finds them.
            log.warning("worker_left_jobs", queue=self._queue, jobs=self.running)
            worker.forceClosing = True
            worker.cancelProcessing()
            # Not cancelled: the library's close waits for its own end whatever happens.
            await asyncio.wait([closing], timeout=1.0)
        running.cancel()

    def _on_stalled(self, job_id: str) -> None:
        JOBS_STALLED.labels(self._queue).inc()
        log.warning("job_stalled", queue=self._queue, job_id=job_id)

    def _on_error(self, error: Exception, *_about: object) -> None:
        log.warning("worker_error", queue=self._queue, error=str(error) or type(error).__name__)

    def _on_failed(self, job: Any, error: Exception) -> None:
        if not job.deferredFailure:
            return
        # Ended without a run: it took too many workers with it.
        log.error("job_failed", queue=self._queue, task=job.name, job_id=job.id, error=str(error))
        report_error(error, queue=self._queue, task=job.name, outcome="stalled")
