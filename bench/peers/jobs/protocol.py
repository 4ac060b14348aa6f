"""What the bench's programs say to it: JSON lines, commands on stdin and reports on a pipe (BENCH_REPORT_FD). worker.mjs says the same.

commands  {"do": "add", "jobs", "mode": serial|at_once|bulk, "width"}  add no-op jobs
          {"do": "time", "keys": [...], "seed"}        add timed jobs, 20 to 120 ms apart; at once when seed is null
          {"do": "hold", "key", "once", "hold_s"}      add a job whose first run holds
reports   {"answer": "add", "seconds"} {"answer": "time", "sent": {key: [began, known]}} {"answer": "hold"}
          {"started": key, "at"} {"mark": runs, "at", "cpu_s"}
Times are CLOCK_MONOTONIC in seconds, the same in every process.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

REPORT_FD = int(os.environ["BENCH_REPORT_FD"])
_PAUSE_S = (0.02, 0.12)


def report(**said: Any) -> None:
    os.write(REPORT_FD, json.dumps(said).encode() + b"\n")


def report_start(key: str) -> None:
    report(started=key, at=time.monotonic())


def is_first(once: str) -> bool:
    """Whether nobody made this file before; makes it."""
    try:
        os.close(os.open(once, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


class _Marks:
    """Counts the no-op jobs, and tells of those at which time is taken."""

    runs = 0
    at: tuple[int, ...] = ()
    sampler: Any = None


def watch_marks(sampler: Any = None) -> None:
    """Report at the numbers of runs in BENCH_MARKS (two, with a comma); sample between them."""
    _Marks.at = tuple(int(mark) for mark in os.environ.get("BENCH_MARKS", "").split(",") if mark)
    _Marks.sampler = sampler


def count_run() -> None:
    _Marks.runs += 1
    if _Marks.runs not in _Marks.at:
        return
    first = _Marks.runs == _Marks.at[0]
    # Taken before the sampler's own work.
    said = {"mark": _Marks.runs, "at": time.monotonic(), "cpu_s": time.process_time()}
    if _Marks.sampler is not None and first:
        _Marks.sampler.start()
    elif _Marks.sampler is not None:
        said["samples"] = _Marks.sampler.stop()
    report(**said)


class Producer(Protocol):
    async def add_nothing(self, jobs: int) -> None:
        """Add no-op jobs, several in bulk."""

    async def add_timed(self, key: str) -> float:
        """Add one timed job; returns the moment from which its pickup is counted."""

    async def add_held(self, key: str, once: str, hold_s: float) -> None:
        """Add one job that holds."""


class Commands:
    """Does what stdin says, until it is closed."""

    def __init__(self, producer: Producer, sampler: Any = None) -> None:
        self._producer = producer
        self._sampler = sampler

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            command = json.loads(line)
            do = command.pop("do")
            report(answer=do, **await getattr(self, f"_{do}")(**command))

    async def _add(self, jobs: int, mode: str, width: int) -> dict[str, Any]:
        if self._sampler is not None:
            self._sampler.start()
        started = time.monotonic()
        if mode == "serial":
            for _ in range(jobs):
                await self._producer.add_nothing(1)
        elif mode == "at_once":
            await each_at_once(jobs, width, lambda: self._producer.add_nothing(1))
        else:
            for _ in range(jobs // width):
                await self._producer.add_nothing(width)
        said: dict[str, Any] = {"seconds": time.monotonic() - started}
        return said if self._sampler is None else said | {"samples": self._sampler.stop()}

    async def _time(self, keys: list[str], seed: int | None) -> dict[str, Any]:
        chance = random.Random(seed)
        sent = {}
        for key in keys:
            if seed is not None:
                await asyncio.sleep(chance.uniform(*_PAUSE_S))
            began = time.monotonic()
            sent[key] = [began, await self._producer.add_timed(key)]
        return {"sent": sent}

    async def _hold(self, key: str, once: str, hold_s: float) -> dict[str, Any]:
        await self._producer.add_held(key, once, hold_s)
        return {}


async def each_at_once(times: int, width: int, call: Callable[[], Awaitable[None]]) -> None:
    """Call `times` times, `width` at once."""
    left = iter(range(times))

    async def go_on() -> None:
        for _ in left:
            await call()

    await asyncio.gather(*(go_on() for _ in range(width)))
