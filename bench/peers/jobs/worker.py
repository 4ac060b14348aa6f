"""A worker with plain Python `bullmq`."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import uvloop
from bullmq import Job, Worker
from connection import DEFAULTS, connection
from protocol import count_run, is_first, report_start, watch_marks

# As in Node's worker, and near to ours.
TUNED = {"lockDuration": 10_000, "stalledInterval": 5_000, "maxStalledCount": 3}


async def process(job: Job, token: str) -> Any:
    if job.name == "nothing":
        count_run()
        return
    report_start(job.data["key"])
    if job.name == "held" and is_first(job.data["once"]):
        await asyncio.sleep(job.data["hold_s"])


async def main() -> None:
    watch_marks()
    options = {"connection": connection(), "concurrency": int(os.environ["BENCH_CONCURRENCY"]), "autorun": False}
    await Worker(os.environ["BENCH_QUEUE"], process, options if DEFAULTS else options | TUNED).run()


if __name__ == "__main__":
    uvloop.run(main())
