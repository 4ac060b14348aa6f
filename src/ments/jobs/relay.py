"""The relay: sends what is accepted and not in the queue, as far as the queue has room for it."""

from __future__ import annotations

import asyncio

import structlog

from ments.db import Primary
from ments.jobs.entries import ENTRIES_MAX, Entries
from ments.jobs.ledger import mark_queued
from ments.jobs.ledger.mend import list_busy_queues, take_due
from ments.jobs.outage import Outage
from ments.jobs.pause import pause
from ments.jobs.queue import JobQueues
from ments.observe.metrics import JOBS_RELAYED

log = structlog.get_logger()

# The sender of the process that accepted a job has this long before the relay steps in.
_OLDER_THAN_S = 1.0
# What is due soon goes ahead, with the rest of its delay: so it is run when it is due, not at the look after.
_AHEAD_S = 5.0
_BATCH = 200
_SHORTEST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 1.0
_PAUSE_AFTER_FAILURE_S = 2.0


class Relay:
    """Any number of these may run, anywhere: each row is sent by one of them."""

    def __init__(self, primary: Primary, queues: JobQueues, *, entries_max: int = ENTRIES_MAX) -> None:
        """entries_max  entries of one queue that wait in Valkey; above it rows wait in Postgres"""
        self._primary = primary
        self._queues = queues
        self._entries = Entries(queues.client)
        self._entries_max = entries_max

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set. Failures of Postgres or Valkey are logged and outlasted."""
        pause_s = _SHORTEST_PAUSE_S
        outage = Outage("relay")
        while not stop.is_set():
            try:
                sent = await self.send_batch()
            except Exception as error:
                outage.begin(error)
                pause_s = _PAUSE_AFTER_FAILURE_S
            else:
                outage.end()
                # Quick while there is something to do, slower the longer there is not.
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 1.5) if not sent else _SHORTEST_PAUSE_S
                if sent >= _BATCH:
                    continue
            await pause(stop, pause_s)

    async def send_batch(self) -> int:
        """Enqueue a batch of each queue's rows, what is due first ahead, and mark them. Returns how many.

        Between the two a crash leaves the rows unmarked; they are sent again under the same ids, which the queue
        passes over.
        """
        async with self._primary.session() as session:
            busy = await list_busy_queues(session, older_than_s=_OLDER_THAN_S, ahead_s=_AHEAD_S)
        return sum([await self._send(queue) for queue in busy])

    async def _send(self, queue: str) -> int:
        room = self._entries_max - await self._entries.count_waiting(queue)
        if room <= 0:
            return 0
        async with self._primary.transaction() as tx:
            jobs = await take_due(tx, queue, older_than_s=_OLDER_THAN_S, ahead_s=_AHEAD_S, batch=min(_BATCH, room))
            if not jobs:
                return 0
            await self._queues.add(jobs)
            await mark_queued(tx, jobs)
        JOBS_RELAYED.labels(queue).inc(len(jobs))
        log.info("relayed", queue=queue, jobs=len(jobs))
        return len(jobs)
