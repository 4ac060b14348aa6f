"""Rows whose entry in the queue is gone, or has ended without the job: they are sent again."""

from __future__ import annotations

import asyncio
import time

import structlog

from ments.db import Primary
from ments.jobs.entries import Entries, Entry
from ments.jobs.ledger.mend import START, Place, QueuedRow, list_queued, pull_back_due, send_again
from ments.jobs.model import QUEUES
from ments.jobs.outage import Outage
from ments.jobs.pause import pause
from ments.observe.metrics import JOBS_MENDED

log = structlog.get_logger()

_WALK_EVERY_S = 20.0
_EPOCH_EVERY_S = 2.0
_BATCH = 500
_ROWS_A_WALK = 20_000
# Between the end of an entry and that of its row a worker may need a moment.
_SECOND_LOOK_AFTER_S = 3.0
_SECOND_LOOKS_MAX = 5_000
# A clock that ticks a little faster than another is not one that was put back.
_AHEAD_S = 10.0


class LostEntries:
    """Compares the ledger with the queues. Any number may do so at once: each change names what it saw."""

    def __init__(self, primary: Primary, entries: Entries) -> None:
        self._primary = primary
        self._entries = entries
        self._places: dict[str, Place] = dict.fromkeys(QUEUES, START)
        self._epoch: str | None = None
        self._walk_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Walk every 20 s until `stop` is set, and at once when Valkey has restarted or was emptied."""
        outage = Outage("lost_entries")
        while not stop.is_set():
            try:
                await self.walk_if_due(stop)
                outage.end()
            except Exception as error:
                outage.begin(error)
            await pause(stop, _EPOCH_EVERY_S)

    async def walk_if_due(self, stop: asyncio.Event) -> None:
        """Walk when it is time, and through everything when Valkey has begun anew."""
        epoch = await self._entries.read_epoch()
        is_new = epoch != self._epoch
        if not is_new and time.monotonic() < self._walk_at:
            return
        if is_new and self._epoch is not None:
            log.warning("queue_began_anew", epoch=epoch)
        await self.walk(stop, whole=is_new)
        # Only now: a walk that failed is made again.
        self._epoch = epoch
        self._walk_at = time.monotonic() + _WALK_EVERY_S

    async def walk(self, stop: asyncio.Event, *, whole: bool) -> int:
        """Look up rows of each queue: all of them, or 20,000 from where the last walk came to. Returns how many were mended."""
        mended = 0
        async with self._primary.session() as session:
            if pulled := await pull_back_due(session, ahead_s=_AHEAD_S):
                log.warning("due_pulled_back", jobs=pulled)
        ended: dict[str, list[QueuedRow]] = {}
        for queue in QUEUES:
            place = START if whole else self._places[queue]
            looked_at = 0
            while whole or looked_at < _ROWS_A_WALK:
                async with self._primary.session() as session:
                    rows = await list_queued(session, queue, place, batch=_BATCH)
                looked_at += len(rows)
                if rows:
                    place = Place(rows[-1].accepted_at, rows[-1].id)
                    mended += await self._mend(queue, rows, ended.setdefault(queue, []))
                if len(rows) < _BATCH:
                    place = START
                    break
            self._places[queue] = place
        if any(ended.values()):
            await pause(stop, _SECOND_LOOK_AFTER_S)
            for queue, rows in ended.items():
                mended += await self._send_again(rows, queue, "entry_ended")
        return mended

    async def _mend(self, queue: str, rows: list[QueuedRow], ended: list[QueuedRow]) -> int:
        found = await self._entries.look_up(queue, [row.entry_id for row in rows])
        seen = list(zip(rows, found, strict=True))
        ended += [row for row, entry in seen if entry is Entry.ENDED][: _SECOND_LOOKS_MAX - len(ended)]
        mended = await self._send_again([row for row, entry in seen if entry is Entry.MISSING], queue, "entry_missing")
        overdue = [row for row, entry in seen if entry is Entry.PRESENT and row.is_overdue]
        if overdue and await self._entries.is_idle(queue):
            # It is there and in none of the lists that workers take from, or in the hands of one that never asked for it.
            soon = await self._entries.list_soon(queue, [row.entry_id for row in overdue])
            mended += await self._send_again([row for row in overdue if row.entry_id not in soon], queue, "entry_stuck")
        return mended

    async def _send_again(self, rows: list[QueuedRow], queue: str, why: str) -> int:
        async with self._primary.session() as session:
            sent = await send_again(session, rows)
        if sent:
            JOBS_MENDED.labels(why).inc(sent)
            log.warning("sent_again", queue=queue, jobs=sent, why=why)
        return sent
