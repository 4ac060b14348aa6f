"""The process that sends jobs to the queue dies between the commit and the entry, and between the entry and the mark."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from fault_books import Books
from fault_fleet import Fleet

_RECOVERED_S = 40.0


@pytest.mark.timeout(240)
@pytest.mark.parametrize("dies", ["before", "after"])
async def test_the_producer_dies_around_the_enqueue(fleet: Fleet, books: Books, recovery: Any, dies: str) -> None:
    """What it had committed is done, though it could not send it, or not say that it had."""
    batch = f"producer-{dies}"
    producers = [fleet.produce("EffectAsked", batch, 50, pause_s=0.02, dies=dies) for _ in range(4)]
    for producer in producers:
        assert await asyncio.to_thread(producer.process.wait, 60) == -signal.SIGKILL
    acknowledged = {job_id for producer in producers for job_id in producer.list_accepted()}
    hit = books.now()
    fleet.relay()
    fleet.work()
    counted = await books.settle(batch, max(len(producers), len(acknowledged)), within_s=60)
    await books.close()
    kept = {str(row["id"]) for row in books.rows("select id from fault_asked where batch = %(batch)s", batch=batch)}
    assert acknowledged <= kept
    assert counted.effects == len(kept)
    seconds = books.seconds_until_done(batch, hit)
    assert (
        recovery.note(f"producer_killed_{dies}_enqueue", seconds, "start of relay and worker until all is done")
        < _RECOVERED_S
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize("dies", ["before", "after"])
async def test_the_relay_dies_around_the_enqueue(
    fleet: Fleet, books: Books, jobs: int, recovery: Any, dies: str
) -> None:
    batch = f"relay-{dies}"
    producer = fleet.produce("EffectAsked", batch, jobs, dies="away")
    assert await asyncio.to_thread(producer.process.wait, 60) == 0
    for _ in range(2):
        relay = fleet.relay(dies=dies)
        assert await asyncio.to_thread(relay.process.wait, 60) == -signal.SIGKILL
    hit = books.now()
    fleet.work()
    for _ in range(2):
        fleet.relay()
    await books.settle(batch, jobs, within_s=60 + jobs / 20)
    await books.close()
    # What had been entered and not marked was not run again.
    assert books.value("select max(lease) from jobs where payload ->> 'batch' = %(batch)s", batch=batch) == 1
    seconds = books.seconds_until_done(batch, hit)
    assert (
        recovery.note(f"relay_killed_{dies}_enqueue", seconds, "start of relay and worker until all is done")
        < _RECOVERED_S
    )
