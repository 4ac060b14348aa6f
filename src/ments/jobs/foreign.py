"""Entries of foreign producers in a queue that takes turns: they get a row and a turn, or they would go ahead of all."""

from __future__ import annotations

import asyncio
from uuid import UUID

import structlog
from bullmq import Job, Queue

from ments.db import Primary, Transaction
from ments.jobs.adopt import adopt, read_entry_id
from ments.jobs.bindings import Bindings
from ments.jobs.ledger import Ledger
from ments.jobs.ledger.mend import find_turn, set_turn
from ments.jobs.ledger.turns import QUEUES_WITH_TURNS, take_turns
from ments.jobs.model import Rank
from ments.jobs.outage import Outage
from ments.jobs.pause import pause
from ments.jobs.queue import JobQueues
from ments.observe.metrics import JOBS_MENDED

log = structlog.get_logger()

_LOOK_EVERY_S = 2.0
# Of those that would be taken next; the others have their turn at a later look.
_BATCH = 100


class ForeignEntries:
    """Nobody's jobs go round as one account. Any number may look at once."""

    def __init__(self, primary: Primary, queues: JobQueues, bindings: Bindings) -> None:
        self._primary = primary
        self._bindings = bindings
        self._ledger = Ledger(primary, "relay")
        self._queues = {name: Queue(name, {"connection": queues.client}) for name in sorted(QUEUES_WITH_TURNS)}

    async def run(self, stop: asyncio.Event) -> None:
        """Look every two seconds until `stop` is set."""
        outage = Outage("foreign_entries")
        while not stop.is_set():
            found = 0
            try:
                found = await self.give_turns()
                outage.end()
            except Exception as error:
                outage.begin(error)
            if found < _BATCH:
                await pause(stop, _LOOK_EVERY_S)

    async def give_turns(self) -> int:
        """Give turns to entries that wait without one. Returns how many got one."""
        return sum([await self._look(name, queue) for name, queue in self._queues.items()])

    async def _look(self, name: str, queue: Queue) -> int:
        # The queue takes from the list's end.
        entry_ids = await queue.client.lrange(f"bull:{name}:wait", -_BATCH, -1)
        given = 0
        for entry_id in reversed(entry_ids):
            if read_entry_id(entry_id):
                continue
            try:
                given += await self._give_turn(name, queue, entry_id)
            except (ValueError, TypeError, AttributeError, RecursionError) as error:
                # Not of the library's form (no JSON, options that are a list); the worker that meets it says so.
                log.info("foreign_entry_unreadable", queue=name, entry_id=entry_id, error=str(error))
        if given:
            JOBS_MENDED.labels("foreign_turn").inc(given)
            log.info("foreign_entries_given_turns", queue=name, jobs=given)
        return given

    async def _give_turn(self, name: str, queue: Queue, entry_id: str) -> bool:
        job = await Job.fromId(queue, entry_id)
        if job is None:
            return False
        definition = self._bindings.find_task(name, str(job.name))
        job_id, _, _ = await adopt(self._ledger, name, job, definition, None)
        async with self._primary.transaction() as tx:
            turn = await _turn(tx, name, job_id, definition.rank if definition else Rank.FIRST)
        # A worker may have taken it meanwhile; then there is nothing to be moved.
        await job.changePriority({"priority": turn})
        return True


async def _turn(tx: Transaction, queue: str, job_id: UUID, rank: Rank) -> int:
    """The turn that it has, should its giver have died before the entry was moved; a new one otherwise."""
    if had := await find_turn(tx, job_id):
        return had
    (turn,) = await take_turns(tx, queue, rank, None)
    await set_turn(tx, job_id, turn=turn, rank=rank)
    return turn
