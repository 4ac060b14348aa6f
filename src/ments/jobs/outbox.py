"""The outbox: a job is accepted when its row commits, together with what caused it."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import Any

import msgspec
import structlog

from ments.db import Primary, Transaction, load_queries
from ments.jobs.bindings import Bindings
from ments.jobs.model import MAX_PAYLOAD_BYTES, JobsError, QueuedJob
from ments.jobs.queue import JobQueues
from ments.observe import current_traceparent, span

log = structlog.get_logger()
queries = load_queries(__file__)

ENQUEUE_TIMEOUT_S = 1.0
# After a failure the relay is left to it for a moment, so that requests do not each wait for the timeout.
_REST_S = 2.0


class Outbox:
    """Writes jobs down in a transaction, and enqueues them once it has committed."""

    def __init__(self, primary: Primary, queues: JobQueues, bindings: Bindings) -> None:
        self._primary = primary
        self._queues = queues
        self._bindings = bindings
        self._rest_until = 0.0

    async def emit(self, tx: Transaction, event: Any) -> tuple[str, ...]:
        """Start the tasks that are bound to an event's type: one row a task, in the caller's transaction.

        Once the transaction is durable the jobs are enqueued at once (a second at most); what that misses, the
        relay sends. Returns the jobs' ids.
        Raises JobsError when nothing is bound to the event, or its payload is too large.
        """
        event_type = type(event)
        tasks = self._bindings.list_tasks(event_type)
        if not tasks:
            return ()
        payload = msgspec.json.encode(event)
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise JobsError(
                f"{event_type.__name__} takes {len(payload)} bytes; an event has {MAX_PAYLOAD_BYTES} at most."
            )
        with span(f"emit {event_type.__name__}", kind="producer"):
            traceparent = current_traceparent()
            trace = json.dumps({"traceparent": traceparent} if traceparent else {})
            jobs: dict[int, QueuedJob] = {}
            for bound in tasks:
                job_id = str(uuid.uuid4())
                row = await queries.insert_outbox(
                    tx.connection,
                    job_id=job_id,
                    queue=bound.queue,
                    task=bound.name,
                    payload=payload.decode(),
                    trace=trace,
                )
                jobs[row["id"]] = QueuedJob(
                    job_id=job_id,
                    queue=bound.queue,
                    task=bound.name,
                    payload=msgspec.json.decode(payload),
                    attempts=bound.attempts,
                    backoff_s=bound.backoff_s,
                    traceparent=traceparent,
                )
        tx.after_commit(lambda: self._send(jobs))
        return tuple(job.job_id for job in jobs.values())

    async def _send(self, jobs: dict[int, QueuedJob]) -> None:
        if time.monotonic() < self._rest_until:
            return
        try:
            async with asyncio.timeout(ENQUEUE_TIMEOUT_S):
                with span("enqueue", kind="producer", jobs=len(jobs)):
                    await self._queues.add(jobs.values())
        except Exception as error:
            self._rest_until = time.monotonic() + _REST_S
            log.warning("enqueue_left_to_relay", jobs=len(jobs), error=str(error) or type(error).__name__)
            return
        async with self._primary.transaction() as tx:
            await queries.mark_sent(tx.connection, ids=list(jobs))
