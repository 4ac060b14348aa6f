"""The outbox: a job is accepted when its row commits, together with what caused it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from ments.db import Primary, Transaction
from ments.jobs.bindings import Bindings
from ments.jobs.ledger import NewJob, bury_run, insert_jobs
from ments.jobs.model import MAX_PAYLOAD_BYTES, JobDied, JobsError, QueuedJob, TaskDefinition
from ments.jobs.queue import JobQueues
from ments.jobs.sender import Sender
from ments.observe import current_traceparent, span
from ments.observe.metrics import JOBS_DIED


class Outbox:
    """Writes jobs down in a transaction, and has them enqueued once it has committed."""

    def __init__(self, primary: Primary, queues: JobQueues, bindings: Bindings) -> None:
        self._bindings = bindings
        # For those who count what is there.
        self.queues = queues
        self.sender = Sender(primary, queues)

    async def emit(self, tx: Transaction, event: Any) -> tuple[UUID, ...]:
        """Start the tasks that are bound to an event's type: one row a task, in the caller's transaction.

        Once the transaction is durable the jobs are enqueued at once; what that misses, the relay sends.
        Returns the jobs' ids.
        Raises JobsError when nothing is bound to the event, or its payload is too large.
        """
        return await self._accept(tx, self._bindings.list_tasks(type(event)), [event])

    async def emit_many(self, tx: Transaction, events: Sequence[Any]) -> tuple[UUID, ...]:
        """Do the same for several events of one type, in one statement; returns the jobs' ids in the events' order."""
        return await self._accept(tx, self._bindings.list_tasks(type(events[0])), events) if events else ()

    async def add(self, tx: Transaction, task: TaskDefinition, event: Any, *, delay_s: float = 0.0) -> UUID:
        """Accept one job of one task, as `TaskDefinition.later` does."""
        (job_id,) = await self._accept(tx, [task], [event], delay_s)
        return job_id

    async def add_many(self, tx: Transaction, task: TaskDefinition, events: Sequence[Any]) -> tuple[UUID, ...]:
        """Accept a job of one task for each event, in one statement."""
        return await self._accept(tx, [task], events)

    async def bury(
        self,
        tx: Transaction,
        job_id: UUID,
        lease: int,
        *,
        code: str,
        cause: str,
        stack: str | None = None,
        counted: bool = True,
    ) -> bool:
        """Make a dead letter of a running job, and tell whoever is bound to JobDied.

        lease    the run that died
        counted  it was an attempt of the task itself
        Returns False, changing nothing, when the run was overtaken.
        """
        row = await bury_run(tx, job_id, lease, code=code, cause=cause, stack=stack, counted=counted)
        if row is None:
            return False
        task = self._bindings.find_task(row["queue"], row["task"])
        # A foreign producer may call its jobs as it likes: each name would be a series that is kept for ever.
        label = task.name if task else "unknown"
        tx.after_commit(lambda: _count_death(row["queue"], label, code))
        # The death of a job that mourns another is told to nobody, or there would be no end.
        if self._bindings.has(JobDied) and (task is None or task.event_type is not JobDied):
            payload = row["payload"]
            died = JobDied(row["id"], row["queue"], row["task"], code, cause, payload)
            if len(msgspec.json.encode(died)) > MAX_PAYLOAD_BYTES:
                died = JobDied(row["id"], row["queue"], row["task"], code, cause)
            await self.emit(tx, died)
        return True

    async def aclose(self) -> None:
        """Send what waits."""
        await self.sender.aclose()

    async def _accept(
        self, tx: Transaction, tasks: Sequence[TaskDefinition], events: Sequence[Any], delay_s: float = 0.0
    ) -> tuple[UUID, ...]:
        if not tasks or not events:
            return ()
        with span(f"emit {type(events[0]).__name__}", kind="producer", jobs=len(tasks) * len(events)):
            traceparent = current_traceparent()
            new: list[NewJob] = []
            payloads: list[Any] = []
            for event in events:
                payload = _encode(event)
                for task in tasks:
                    if type(event) is not task.event_type:
                        raise JobsError(
                            f"Task {task.name!r} takes {task.event_type.__name__}, not {type(event).__name__}."
                        )
                    account_id = task.account_of(event) if task.account_of else None
                    new.append(
                        NewJob(
                            uuid.uuid4(),
                            task.queue,
                            task.name,
                            payload.decode(),
                            task.attempts,
                            task.backoff_s,
                            task.rank,
                            account_id,
                            delay_s,
                        )
                    )
                    payloads.append(msgspec.json.decode(payload))
            turns = await insert_jobs(tx, new, traceparent)
        entries = [
            QueuedJob(
                id=job.id,
                generation=1,
                queue=job.queue,
                task=job.task,
                payload=payload,
                attempts=job.attempts,
                backoff_s=job.backoff_s,
                turn=turn,
                delay_s=delay_s,
                traceparent=traceparent,
            )
            for job, payload, turn in zip(new, payloads, turns, strict=True)
        ]

        async def send() -> None:
            self.sender.send(entries)

        tx.after_commit(send)
        return tuple(job.id for job in new)


def _encode(event: Any) -> bytes:
    payload = msgspec.json.encode(event)
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise JobsError(f"{type(event).__name__} takes {len(payload)} bytes; an event has {MAX_PAYLOAD_BYTES} at most.")
    return payload


async def _count_death(queue: str, task: str, code: str) -> None:
    JOBS_DIED.labels(queue, task, code).inc()
