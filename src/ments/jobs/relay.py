"""The relay: sends the outbox rows that the commit's own try did not, and forgets old ones."""

from __future__ import annotations

import asyncio

import structlog

from ments.db import Primary, load_queries
from ments.jobs.bindings import Bindings
from ments.jobs.model import QueuedJob
from ments.jobs.pause import pause
from ments.jobs.queue import JobQueues
from ments.observe import report_error, trace_from
from ments.observe.metrics import OUTBOX_RELAYED

log = structlog.get_logger()
queries = load_queries(__file__)

# The commit's own try has this long before the relay steps in.
_OLDER_THAN_S = 1.0
_BATCH = 200
_SHORTEST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 1.0
_PAUSE_AFTER_FAILURE_S = 2.0
# For rows whose task this version does not know; the worker says what is wrong with them.
_ATTEMPTS, _BACKOFF_S = 3, 2.0

KEEP_SENT_S = 7 * 24 * 3600.0
_PRUNE_BATCH = 1_000


class Relay:
    """Any number of these may run, anywhere: each row is sent by one of them."""

    def __init__(self, primary: Primary, queues: JobQueues, bindings: Bindings) -> None:
        self._primary = primary
        self._queues = queues
        self._bindings = bindings

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set. Failures of Postgres or Valkey are logged and outlasted."""
        pause_s = _SHORTEST_PAUSE_S
        failing = False
        while not stop.is_set():
            try:
                sent = await self.send_batch()
            except Exception as error:
                # Once for each time of trouble: a part that is down for an hour is one line and one report.
                if not failing:
                    log.warning("relay_failing", error=str(error) or type(error).__name__)
                    report_error(error, part="relay")
                failing, pause_s = True, _PAUSE_AFTER_FAILURE_S
            else:
                if failing:
                    log.info("relay_recovered")
                failing = False
                # Quick while there is something to do, slower the longer there is not.
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 1.5) if not sent else _SHORTEST_PAUSE_S
                if sent == _BATCH:
                    continue
            await pause(stop, pause_s)

    async def send_batch(self) -> int:
        """Enqueue one batch of unsent rows, oldest first, and mark them. Returns how many.

        Between the two a crash leaves the rows unmarked; they are sent again under the same job ids, which the
        queue passes over.
        """
        async with self._primary.transaction() as tx:
            rows = [row async for row in queries.take_unsent(tx.connection, older_than_s=_OLDER_THAN_S, batch=_BATCH)]
            if not rows:
                return 0
            await self._queues.add([self._as_job(row) for row in rows])
            await queries.mark_sent(tx.connection, ids=[row["id"] for row in rows])
        OUTBOX_RELAYED.inc(len(rows))
        log.info("relayed", jobs=len(rows))
        return len(rows)

    def _as_job(self, row: dict[str, object]) -> QueuedJob:
        queue, task = str(row["queue"]), str(row["task"])
        definition = self._bindings.find_task(queue, task)
        trace = row["trace"]
        traceparent = trace.get("traceparent") if isinstance(trace, dict) else None
        with trace_from(traceparent, f"relay {task}", kind="producer"):
            return QueuedJob(
                job_id=str(row["job_id"]),
                queue=queue,
                task=task,
                payload=row["payload"],
                attempts=definition.attempts if definition else _ATTEMPTS,
                backoff_s=definition.backoff_s if definition else _BACKOFF_S,
                traceparent=traceparent,
            )


async def prune_outbox(primary: Primary, *, keep_s: float = KEEP_SENT_S) -> int:
    """Delete rows that were sent more than `keep_s` seconds ago, a batch at a time. Returns how many."""
    pruned = 0
    while True:
        async with primary.transaction() as tx:
            gone: int = await queries.prune_sent(tx.connection, older_than_s=keep_s, batch=_PRUNE_BATCH)
        pruned += gone
        if gone < _PRUNE_BATCH:
            return pruned
