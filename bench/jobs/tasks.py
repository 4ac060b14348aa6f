"""The bench's tasks, declared as a feature would."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from bench.peers.jobs.protocol import count_run, is_first, report_start
from ments.jobs import JobContext, task


@dataclass(frozen=True)
class Nothing:
    """A job that does nothing."""


@dataclass(frozen=True)
class Timed:
    """A job that tells when it starts."""

    key: str


@dataclass(frozen=True)
class Held:
    """A job whose first run takes `hold_s` seconds; the later ones end at once. once: a file that the first makes."""

    key: str
    once: str
    hold_s: float


@task(queue="default", name="bench_nothing")
async def nothing(parts: Any, job: JobContext, event: Nothing) -> None:
    count_run()


@task(queue="default", name="bench_timed")
async def timed(parts: Any, job: JobContext, event: Timed) -> None:
    report_start(event.key)


@task(queue="default", name="bench_held", timeout_s=300)
async def held(parts: Any, job: JobContext, event: Held) -> None:
    report_start(event.key)
    if is_first(event.once):
        await asyncio.sleep(event.hold_s)
