"""The reconciler: mends what the ledger, the queue and the workers disagree about."""

from __future__ import annotations

import asyncio
from typing import Any

from ments.db import Primary
from ments.jobs.entries import Entries
from ments.jobs.lost_entries import LostEntries
from ments.jobs.queue import JobQueues
from ments.jobs.relay import Relay
from ments.jobs.silent_runs import SilentRuns


class Reconciler:
    """Any number of these may run, anywhere."""

    def __init__(self, primary: Primary, queues: JobQueues, outbox: Any, relay: Relay) -> None:
        self._silent = SilentRuns(primary, outbox, relay)
        self._lost = LostEntries(primary, Entries(queues.client))

    async def run(self, stop: asyncio.Event) -> None:
        """Mend until `stop` is set; that Valkey is away does not keep runs from being ended."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._silent.run(stop))
            group.create_task(self._lost.run(stop))
