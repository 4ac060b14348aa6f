"""A producer with plain Python `bullmq`."""

from __future__ import annotations

import os
import time

import uvloop
from bullmq import Queue
from connection import JOB_OPTIONS, connection
from protocol import Commands


class PlainProducer:
    def __init__(self) -> None:
        self._queue = Queue(os.environ["BENCH_QUEUE"], {"connection": connection(), "defaultJobOptions": JOB_OPTIONS})

    async def add_nothing(self, jobs: int) -> None:
        if jobs == 1:
            await self._queue.add("nothing", {})
        else:
            await self._queue.addBulk([{"name": "nothing", "data": {}} for _ in range(jobs)])

    async def add_timed(self, key: str) -> float:
        began = time.monotonic()
        await self._queue.add("timed", {"key": key})
        return began

    async def add_held(self, key: str, once: str, hold_s: float) -> None:
        await self._queue.add("held", {"key": key, "once": once, "hold_s": hold_s})


async def main() -> None:
    await Commands(PlainProducer()).run()


if __name__ == "__main__":
    uvloop.run(main())
