"""Our programs: the real worker and relay with the bench's tasks bound, and a producer that emits in transactions.

Run by the bench: python -m bench.jobs.ours producer|worker|relay
"""

from __future__ import annotations

import os
import sys
import time

import uvloop

from bench.jobs.sampling import Sampler
from bench.jobs.tasks import Held, Nothing, Timed, held, nothing, timed
from bench.peers.jobs.protocol import Commands, watch_marks
from ments import app
from ments.jobs.rooms import RoomTasks
from ments.parts import Parts
from ments.settings import Settings, read_settings


def main(role: str) -> None:
    app.ROOMS["bench"] = lambda: RoomTasks({Nothing: (nothing,), Timed: (timed,), Held: (held,)})
    settings = read_settings(os.environ)
    sampler = Sampler() if os.environ.get("BENCH_SAMPLE") else None
    if role == "producer":
        uvloop.run(produce(settings, sampler))
    elif role == "relay":
        app.run_relay(settings)
    else:
        watch_marks(sampler)
        app.run_worker(settings, ("media", "default"))


async def produce(settings: Settings, sampler: Sampler | None) -> None:
    async with app.open_parts(settings) as parts:
        await Commands(Producer(parts), sampler).run()


class Producer:
    """What the producers have in common; here each call is a transaction, committed when it returns."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def add_nothing(self, jobs: int) -> None:
        """Accept no-op jobs in one transaction."""
        async with self._parts.primary.transaction() as tx:
            if jobs == 1:
                await self._parts.outbox.emit(tx, Nothing())
            else:
                await self._parts.outbox.add_many(tx, nothing, [Nothing()] * jobs)

    async def add_timed(self, key: str) -> float:
        """Accept one job; returns the moment at which its commit was known here."""
        committed = 0.0

        async def note() -> None:
            nonlocal committed
            committed = time.monotonic()

        async with self._parts.primary.transaction() as tx:
            # Before the outbox's own, so that it is not counted.
            tx.after_commit(note)
            await self._parts.outbox.emit(tx, Timed(key))
        return committed

    async def add_held(self, key: str, once: str, hold_s: float) -> None:
        """Accept one job that holds its first run."""
        async with self._parts.primary.transaction() as tx:
            await self._parts.outbox.emit(tx, Held(key, once, hold_s))


if __name__ == "__main__":
    main(sys.argv[1])
