"""The relay: sends what was accepted and is not in the queue, once, when it is due, and as far as there is room."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from job_world import JobWorld

from eventually import eventually
from ments.jobs.relay import Relay


async def _unsent(world: JobWorld, how_many: int = 1, queue: str = "default") -> list[UUID]:
    """Rows whose process died right after the commit, a while ago."""
    ids = [await world.accept("greet", {"name": f"n{n}"}, queue=queue, send=False) for n in range(how_many)]
    for job_id in ids:
        await world.change(
            job_id, "accepted_at = accepted_at - interval '5 seconds', due_at = due_at - interval '5 seconds'"
        )
    return ids


async def _states(world: JobWorld) -> set[str]:
    return {row["state"] for row in await world.rows()}


async def test_what_a_dead_process_accepted_is_sent(world: JobWorld) -> None:
    (job_id,) = await _unsent(world)
    (picture,) = await _unsent(world, queue="media")
    assert await Relay(world.primary, world.queues).send_batch() == 2
    assert await _states(world) == {"queued"}
    assert (await world.entry(f"{job_id}-1"))["data"] == '{"name":"n0"}'
    row = await world.row(picture)
    assert row["turn"] > 0
    assert (await world.entry(f"{picture}-1", "media"))["priority"] == str(row["turn"])


async def test_the_process_that_accepted_it_has_a_second(world: JobWorld) -> None:
    job_id = await world.accept("greet", {"name": "Ada"}, send=False)
    relay = Relay(world.primary, world.queues)

    async def sent() -> bool:
        return await relay.send_batch() == 1

    await eventually(sent)
    async with world.primary.session() as session:
        cursor = await session.connection.execute(
            "select clock_timestamp() - accepted_at > interval '1 second' as is_old from jobs where id = %s", [job_id]
        )
        assert await cursor.fetchone() == {"is_old": True}


async def test_two_relays_and_a_crash_before_the_mark_make_no_second_entry(world: JobWorld) -> None:
    await _unsent(world, 300)
    first, second = (Relay(world.primary, world.queues) for _ in range(2))
    sent = await asyncio.gather(first.send_batch(), second.send_batch())
    assert sum(sent) + await first.send_batch() == 300
    await world.counts(waiting=300)
    # Enqueued, but not marked: a relay killed between the two.
    async with world.primary.transaction() as tx:
        await tx.connection.execute("update jobs set state = 'accepted'")
    assert await first.send_batch() + await second.send_batch() == 300
    await world.counts(waiting=300)
    assert await first.send_batch() == 0
    assert await _states(world) == {"queued"}


async def test_a_task_that_nobody_knows_is_sent_too(world: JobWorld) -> None:
    """The worker makes a dead letter of it, with the cause; here it would only wait for ever."""
    await _unsent(world)
    async with world.primary.transaction() as tx:
        await tx.connection.execute("update jobs set task = 'no_such_task'")
    assert await Relay(world.primary, world.queues).send_batch() == 1


async def test_what_is_due_soon_goes_ahead_with_its_delay_and_what_is_due_later_waits(world: JobWorld) -> None:
    soon, later = await _unsent(world, 2)
    await world.change(soon, "due_at = clock_timestamp() + interval '3 seconds'")
    await world.change(later, "due_at = clock_timestamp() + interval '1 hour'")
    assert await Relay(world.primary, world.queues).send_batch() == 1
    await world.counts(delayed=1, waiting=0)
    entry = await world.entry(f"{soon}-1")
    assert 1_000 < int(entry["delay"]) <= 3_000
    assert (await world.row(later))["state"] == "accepted"


async def test_a_full_queue_takes_no_more_and_does_not_hold_up_another(world: JobWorld) -> None:
    await _unsent(world, 30)
    await _unsent(world, 5, queue="media")
    relay = Relay(world.primary, world.queues, entries_max=20)
    assert await relay.send_batch() == 25
    assert await relay.send_batch() == 0
    await world.counts(waiting=20)
    # Room again: what was due first goes first.
    await world.queues.client.delete("bull:default:wait")
    assert await relay.send_batch() == 10
    assert await _states(world) == {"queued"}


async def test_it_outlasts_a_valkey_that_is_away(world: JobWorld) -> None:
    ids = await _unsent(world, 3)
    world.valkey_server.kill()
    stop = asyncio.Event()
    running = asyncio.create_task(Relay(world.primary, world.queues).run(stop))
    await asyncio.sleep(1)
    assert await _states(world) == {"accepted"}
    world.valkey_server.start()

    async def sent() -> bool:
        return await _states(world) == {"queued"}

    await eventually(sent, within_s=10)
    stop.set()
    before = time.monotonic()
    await running
    assert time.monotonic() - before < 2
    assert len(ids) == (await world.queues.count_jobs())["default"]["waiting"]
