"""Periodic tasks: each runs once a period, however many relays there are, and never twice at once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

import structlog

from ments.db import Primary, load_queries
from ments.jobs.model import JobsError, PeriodicTask
from ments.jobs.pause import pause
from ments.observe import report_error, trace_from
from ments.observe.metrics import PERIODIC_SECONDS

log = structlog.get_logger()
queries = load_queries(__file__, "clock.sql")

# While another process runs the task, or the database is away, look again after this long.
_LOOK_AGAIN_S = 2.0
# A look is one cheap query; looking this often at the latest lets a relay take over from one that died.
_LONGEST_PAUSE_S = 30.0
# A process that is asked to stop lets a run end within this time. One that is cut off is undone, and another relay's.
_DRAIN_S = 5.0
# A start that lies further ahead than clocks differ.
_AHEAD_S = 5.0
# Each run holds one connection for its lock and needs another for its work: were all of a pool's ten held for locks, as
# when everything is due at the first start, none would be left and all would wait until they give up.
_AT_ONCE = 6


class Clock:
    """Runs periodic tasks when they are due."""

    def __init__(self, primary: Primary, parts: Any, tasks: Sequence[PeriodicTask]) -> None:
        names = [task.name for task in tasks]
        if len(set(names)) != len(names):
            raise JobsError(f"Two periodic tasks share a name: {sorted(names)}.")
        self._primary = primary
        self._parts = parts
        self._tasks = tuple(tasks)
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, and a little longer; a slow task does not hold up the others."""
        async with asyncio.TaskGroup() as group:
            following = [group.create_task(self._follow(task, stop), name=task.name) for task in self._tasks]
            await stop.wait()
            if following:
                _, late = await asyncio.wait(following, timeout=_DRAIN_S)
                for one in late:
                    log.warning("periodic_cut_off", task=one.get_name())
                    one.cancel()

    async def _follow(self, task: PeriodicTask, stop: asyncio.Event) -> None:
        failing = False
        while not stop.is_set():
            try:
                wait_s = await self.run_if_due(task)
                failing = False
            except Exception as error:
                if not failing:
                    log.warning("periodic_unreachable", task=task.name, error=str(error) or type(error).__name__)
                failing, wait_s = True, _LOOK_AGAIN_S
            # A little later than due, and not all relays in one moment.
            await pause(stop, min(wait_s, _LONGEST_PAUSE_S) + random.uniform(0.01, 0.1))  # noqa: S311 (spreading)

    async def run_if_due(self, task: PeriodicTask) -> float:
        """Run a task when its period has passed and nobody else is at it. Returns the seconds until it is due.

        The lock and the claim belong to one transaction, open while the task runs (on connections of its own):
        when this process dies both are undone, and another relay runs the task. A run that fails counts as run.
        """
        async with self._room, self._primary.transaction() as tx:
            # Ended by the task's own timeout, so only a process that hangs meets the database's.
            idle_ms = str(round(task.timeout_s * 1000) + 10_000)
            lock = await queries.try_lock_periodic(tx.connection, name=task.name, idle_ms=idle_ms)
            if not lock["locked"]:
                return _LOOK_AGAIN_S
            if not await queries.claim_periodic(tx.connection, name=task.name, every_s=task.every_s, ahead_s=_AHEAD_S):
                due = await queries.get_periodic_wait(tx.connection, name=task.name, every_s=task.every_s)
                return float(due["wait_s"])
            await self._run(task)
        return task.every_s

    async def _run(self, task: PeriodicTask) -> None:
        started = time.perf_counter()
        outcome = "done"
        with trace_from(None, f"periodic {task.name}"):
            try:
                async with asyncio.timeout(task.timeout_s):
                    await task(self._parts)
            except Exception as error:
                outcome = "failed"
                log.exception("periodic_failed", task=task.name)
                report_error(error, periodic=task.name)
        PERIODIC_SECONDS.labels(task.name, outcome).observe(time.perf_counter() - started)
