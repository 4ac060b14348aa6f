"""Periodic tasks: once a period, however many relays; taken over from one that died; a failure is not the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from uuid import uuid4

import pytest

from eventually import eventually
from ments.jobs import JobQueues, PeriodicTask
from ments.jobs.bindings import Bindings
from ments.jobs.clock import Clock
from ments.jobs.model import JobsError
from ments.jobs.process import relay
from ments.parts import Parts


def _task(
    ran: Counter[str], every_s: float, *, takes_s: float = 0.0, fails: bool = False, name: str = ""
) -> PeriodicTask:
    name = name or f"test-{uuid4()}"

    async def run(parts: object) -> None:
        ran["started"] += 1
        ran["at once"] = max(ran["at once"], ran["started"] - ran["ended"])
        await asyncio.sleep(takes_s)
        ran["ended"] += 1
        if fails:
            raise RuntimeError("on purpose")

    return PeriodicTask(name, every_s, 30.0, run)


async def test_three_clocks_run_it_once_a_period(parts: Parts) -> None:
    ran: Counter[str] = Counter()
    periodic = _task(ran, 1.0)
    stop = asyncio.Event()
    began = time.monotonic()
    clocks = [asyncio.create_task(Clock(parts.primary, parts, [periodic]).run(stop)) for _ in range(3)]
    await eventually(lambda: ran["ended"] >= 3)
    stop.set()
    await asyncio.gather(*clocks)
    # At the very start, and once in each second since.
    assert ran["ended"] <= time.monotonic() - began + 1


async def test_a_run_longer_than_its_period_does_not_run_twice_at_once(parts: Parts) -> None:
    ran: Counter[str] = Counter()
    clock = Clock(parts.primary, parts, [_task(ran, 0.1, takes_s=0.4)])
    await asyncio.gather(*(clock.run_if_due(clock._tasks[0]) for _ in range(4)))
    assert (ran["started"], ran["at once"]) == (1, 1)


async def test_all_that_is_due_at_once_leaves_connections_to_do_it_with(parts: Parts) -> None:
    """As at the first start: more tasks than the pool has connections, each of which asks the database something."""
    asked: Counter[str] = Counter()

    async def ask(parts: Parts) -> None:
        await asyncio.sleep(0.05)
        async with parts.primary.session() as session:
            await session.connection.execute("select 1")
        asked["done"] += 1

    tasks = [PeriodicTask(f"test-{uuid4()}", 60.0, 30.0, ask) for _ in range(30)]
    clock = Clock(parts.primary, parts, tasks)
    async with asyncio.timeout(30):
        await asyncio.gather(*(clock.run_if_due(one) for one in tasks))
    assert asked["done"] == 30


async def test_a_failed_run_waits_for_its_next_period(parts: Parts) -> None:
    ran: Counter[str] = Counter()
    periodic = _task(ran, 60.0, fails=True)
    clock = Clock(parts.primary, parts, [periodic])
    await clock.run_if_due(periodic)
    wait_s = await clock.run_if_due(periodic)
    assert ran["started"] == 1
    assert 55 < wait_s <= 60


async def test_a_clock_that_dies_in_a_run_leaves_it_to_another(parts: Parts) -> None:
    ran: Counter[str] = Counter()
    long = _task(ran, 60.0, takes_s=30.0)
    dying = asyncio.create_task(Clock(parts.primary, parts, [long]).run_if_due(long))
    await eventually(lambda: ran["started"] == 1)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await _run_elsewhere(parts, ran, long)
    assert (ran["started"], ran["ended"]) == (2, 1)


async def _run_elsewhere(parts: Parts, ran: Counter[str], long: PeriodicTask) -> None:
    """Another relay looks whether the task is due, whose run takes no time there."""
    short = _task(ran, long.every_s, name=long.name)
    await Clock(parts.primary, parts, [short]).run_if_due(short)


def test_two_tasks_of_one_name_are_refused(parts: Parts) -> None:
    one = _task(Counter(), 1.0)
    with pytest.raises(JobsError, match="share a name"):
        Clock(parts.primary, parts, [one, one])


async def test_the_relay_process_stops_at_once(parts: Parts, queues: JobQueues) -> None:
    ran: Counter[str] = Counter()
    stop = asyncio.Event()
    running = asyncio.create_task(
        relay(parts.primary, queues, bindings=Bindings({}), parts=parts, periodic=[_task(ran, 30.0)], stop=stop)
    )
    await eventually(lambda: ran["ended"] == 1)
    stop.set()
    async with asyncio.timeout(2):
        await running
    assert ran["ended"] == 1


async def test_a_stop_cuts_off_what_takes_long_and_another_runs_it(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ments.jobs.clock._DRAIN_S", 0.3)
    ran: Counter[str] = Counter()
    long, stop = _task(ran, 60.0, takes_s=30.0), asyncio.Event()
    running = asyncio.create_task(Clock(parts.primary, parts, [long]).run(stop))
    await eventually(lambda: ran["started"] == 1)
    stop.set()
    # Far less than the run would take.
    async with asyncio.timeout(15):
        await running
    assert ran["ended"] == 0
    await _run_elsewhere(parts, ran, long)
    assert (ran["started"], ran["ended"]) == (2, 1)


async def test_a_start_in_the_future_counts_as_due(parts: Parts) -> None:
    """The database's clock was put back by an hour: the task must not wait for it to come round again."""
    ran: Counter[str] = Counter()
    periodic = _task(ran, 60.0)
    clock = Clock(parts.primary, parts, [periodic])
    await clock.run_if_due(periodic)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "update periodic_runs set started_at = started_at + interval '1 hour' where name = %s", [periodic.name]
        )
    await clock.run_if_due(periodic)
    assert ran["ended"] == 2
    wait_s = await clock.run_if_due(periodic)
    assert ran["ended"] == 2
    assert 55 < wait_s <= 60
