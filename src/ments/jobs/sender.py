"""The sender: enqueues what this process has just committed, off the path of its requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog

from ments.db import Primary
from ments.jobs.entries import ENTRIES_MAX, Entries
from ments.jobs.ledger import mark_queued
from ments.jobs.model import QueuedJob
from ments.jobs.queue import JobQueues
from ments.observe import span

log = structlog.get_logger()

_ENQUEUE_TIMEOUT_S = 1.0
# After a failure the relay is left to it for a moment.
_REST_S = 2.0
# What does not fit is the relay's.
_WAITING_MAX = 2_000
_BATCH = 200
# Marks can wait: the claim of an idle worker makes most of them needless, and the relay looks after a second.
_MARK_AFTER_S = 0.25
_LOOK_EVERY_S = 1.0


class Sender:
    """Takes jobs whose rows have just been committed; loses nothing when it fails, since the relay comes behind."""

    def __init__(self, primary: Primary, queues: JobQueues) -> None:
        self._primary = primary
        self._queues = queues
        self._waiting: list[QueuedJob] = []
        self._unmarked: list[QueuedJob] = []
        self._sending: asyncio.Task[None] | None = None
        self._marking: asyncio.Task[None] | None = None
        self._rest_until = 0.0
        self._entries = Entries(queues.client)
        # {queue: (when it was looked at, whether there was room)}
        self._room: dict[str, tuple[float, bool]] = {}

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        """Enqueue as soon as may be; returns at once."""
        if time.monotonic() < self._rest_until or len(self._waiting) + len(jobs) > _WAITING_MAX:
            return
        self._waiting.extend(jobs)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def aclose(self) -> None:
        """Send what waits, a second or two at most."""
        await _end(self._sending)
        # Only now: what was just sent is marked by a task that may be a new one.
        await _end(self._marking)

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            try:
                async with asyncio.timeout(_ENQUEUE_TIMEOUT_S):
                    batch = [job for job in batch if await self._has_room(job.queue)]
                    with span("enqueue", kind="producer", jobs=len(batch)):
                        await self._queues.add(batch)
            except Exception as error:
                self._rest_until = time.monotonic() + _REST_S
                left = len(batch) + len(self._waiting)
                self._waiting.clear()
                log.warning("enqueue_left_to_relay", jobs=left, error=str(error) or type(error).__name__)
                return
            self._unmarked.extend(batch)
            if self._marking is None or self._marking.done():
                self._marking = asyncio.create_task(self._mark())

    async def _has_room(self, queue: str) -> bool:
        """Whether Valkey may hold more of this queue; looked at once a second. What may not, the relay sends later."""
        looked_at, has_room = self._room.get(queue, (-_LOOK_EVERY_S, True))
        if time.monotonic() - looked_at >= _LOOK_EVERY_S:
            has_room = await self._entries.count_waiting(queue) < ENTRIES_MAX
            self._room[queue] = (time.monotonic(), has_room)
        return has_room

    async def _mark(self) -> None:
        while self._unmarked:
            await asyncio.sleep(_MARK_AFTER_S)
            marked, self._unmarked = self._unmarked, []
            try:
                async with self._primary.transaction() as tx:
                    await mark_queued(tx, marked)
            except Exception as error:
                # The relay sends them again, under ids that the queue knows.
                log.warning("enqueued_not_marked", jobs=len(marked), error=str(error) or type(error).__name__)


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None and not task.done():
        await asyncio.wait([task], timeout=_ENQUEUE_TIMEOUT_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
