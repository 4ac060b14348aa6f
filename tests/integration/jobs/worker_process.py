"""A worker process for tests: `python worker_process.py REDIS_URL FILE SECONDS`.

Its one task writes "start" and "end" to FILE with its process id, and takes SECONDS in between.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ments.jobs import Bindings, JobContext, task
from ments.jobs.process import stop_on_signals, work
from ments.observe.logs import start_logging


@dataclass(frozen=True)
class Slow:
    name: str


@dataclass(frozen=True)
class Place:
    file: Path
    takes_s: float


@task(queue="media", name="slow")
async def slow(parts: Place, job: JobContext, event: Slow) -> None:
    _write(parts.file, f"start {event.name} {os.getpid()} {job.attempt}")
    await asyncio.sleep(parts.takes_s)
    _write(parts.file, f"end {event.name} {os.getpid()} {job.attempt}")


def _write(file: Path, line: str) -> None:
    with file.open("a") as opened:
        opened.write(line + "\n")


async def main(redis_url: str, file: str, takes_s: str) -> None:
    await work(
        {"media": 2},
        redis_url=redis_url,
        bindings=Bindings({Slow: (slow,)}),
        parts=Place(Path(file), float(takes_s)),
        stop=stop_on_signals(),
    )


if __name__ == "__main__":
    start_logging("json", service="ments-worker")
    asyncio.run(main(*sys.argv[1:]))
