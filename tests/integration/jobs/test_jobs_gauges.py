"""What the relays show of the ledger in /metrics."""

from __future__ import annotations

import asyncio

from job_world import JobWorld

from eventually import eventually
from ments.jobs.gauges import count_entries, count_ledger, keep_gauges
from ments.observe.metrics import LEDGER_JOBS, LEDGER_OLDEST_SECONDS, QUEUE_JOBS


def _shown(queue: str) -> dict[str, float]:
    return {state: LEDGER_JOBS.labels(queue, state)._value.get() for state in ("accepted", "queued", "running", "dead")}


async def test_depth_by_state_and_the_age_of_the_oldest(world: JobWorld) -> None:
    old, dead = [await world.accept("greet", {}) for _ in range(2)]
    await world.accept("greet", {}, send=False)
    await world.change(old, "state = 'queued', due_at = due_at - interval '90 seconds'")
    await world.change(dead, "state = 'dead', finished_at = clock_timestamp()")
    await count_ledger(world.primary)
    assert _shown("default") == {"accepted": 1, "queued": 1, "running": 0, "dead": 1}
    assert 90 <= LEDGER_OLDEST_SECONDS.labels("default")._value.get() < 150
    assert LEDGER_OLDEST_SECONDS.labels("media")._value.get() == 0
    await count_entries(world.queues)
    assert QUEUE_JOBS.labels("default", "waiting")._value.get() == 2
    # What nobody is in any more goes back to 0.
    await world.change(old, "state = 'done', finished_at = clock_timestamp()")
    await count_ledger(world.primary)
    assert _shown("default")["queued"] == 0


async def test_a_part_that_is_away_does_not_end_the_counting(world: JobWorld) -> None:
    await world.accept("greet", {}, send=False)
    LEDGER_JOBS.labels("default", "accepted").set(0)
    world.valkey_server.kill()
    stop = asyncio.Event()
    counting = asyncio.create_task(keep_gauges(world.primary, world.queues, stop))
    await eventually(lambda: _shown("default")["accepted"] == 1)
    stop.set()
    await counting
