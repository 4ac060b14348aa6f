"""The reconciler: mends what the ledger, the queue and the workers disagree about."""

from __future__ import annotations

import asyncio

from ments.db import Primary
from ments.jobs.bindings import Bindings
from ments.jobs.entries import Entries
from ments.jobs.foreign import ForeignEntries
from ments.jobs.lost_entries import LostEntries
from ments.jobs.outbox import Outbox
from ments.jobs.queue import JobQueues
from ments.jobs.relay import Relay
from ments.jobs.silent_runs import SilentRuns


class Reconciler:
    """Any number of these may run, anywhere."""

    def __init__(self, primary: Primary, queues: JobQueues, outbox: Outbox, relay: Relay, bindings: Bindings) -> None:
        self._silent = SilentRuns(primary, outbox, relay)
        self._lost = LostEntries(primary, Entries(queues.client))
        self._foreign = ForeignEntries(primary, queues, bindings)

    async def run(self, stop: asyncio.Event) -> None:
        """Mend until `stop` is set; that Valkey is away does not keep runs from being ended."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._silent.run(stop))
            group.create_task(self._lost.run(stop))
            group.create_task(self._foreign.run(stop))
