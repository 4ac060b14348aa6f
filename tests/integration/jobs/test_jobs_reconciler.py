"""The reconciler: what a worker's death, an emptied queue or a clock leaves behind is set going again, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest
import pytest_asyncio
from job_world import JobWorld
from settled import settle

from eventually import eventually
from ments.jobs import Bindings, JobContext, Outbox, QueuedJob, task
from ments.jobs.entries import Entries
from ments.jobs.ledger import Claimed, Ledger, Refused
from ments.jobs.lost_entries import LostEntries
from ments.jobs.model import MAX_CRASHES, JobDied
from ments.jobs.reconciler import Reconciler
from ments.jobs.relay import Relay
from ments.jobs.silent_runs import SilentRuns

SILENT = "heartbeat_at = clock_timestamp() - interval '13 seconds'"


@dataclass(frozen=True)
class Greeted:
    name: str


@dataclass
class Seen:
    names: list[str] = field(default_factory=list)


@task(queue="default", name="greet")
async def greet(parts: Seen, job: JobContext, event: Greeted) -> None:
    parts.names.append(event.name)


@task(queue="default", name="mourn")
async def mourn(parts: Seen, job: JobContext, event: JobDied) -> None: ...


BINDINGS = Bindings({Greeted: (greet,), JobDied: (mourn,)})


@pytest_asyncio.fixture
async def outbox(world: JobWorld) -> AsyncIterator[Outbox]:
    outbox = Outbox(world.primary, world.queues, BINDINGS)
    yield outbox
    await outbox.aclose()


@pytest.fixture
def relay(world: JobWorld) -> Relay:
    return Relay(world.primary, world.queues)


@pytest_asyncio.fixture
async def silent_runs(world: JobWorld, outbox: Outbox, relay: Relay) -> SilentRuns:
    await settle(world.primary)
    return SilentRuns(world.primary, outbox, relay)


@pytest.fixture
def lost_entries(world: JobWorld) -> LostEntries:
    return LostEntries(world.primary, Entries(world.queues.client))


async def _queued(world: JobWorld, how_many: int = 1) -> list[UUID]:
    ids = [await world.accept("greet", {"name": f"n{n}"}) for n in range(how_many)]
    async with world.primary.transaction() as tx:
        await tx.connection.execute(
            "update jobs set state = 'queued', accepted_at = accepted_at - interval '5 seconds'"
        )
    return ids


async def _running(world: JobWorld) -> tuple[UUID, Claimed]:
    (job_id,) = await _queued(world)
    claimed = await Ledger(world.primary, "host-1").claim(job_id, 1, 60.0)
    assert isinstance(claimed, Claimed)
    return job_id, claimed


async def test_a_run_that_fell_silent_is_sent_again_at_once(world: JobWorld, silent_runs: SilentRuns) -> None:
    job_id, claimed = await _running(world)
    assert await silent_runs.end() == 0
    await world.change(job_id, SILENT)
    assert await silent_runs.end() == 1
    row = await world.row(job_id)
    assert (row["state"], row["generation"], row["crashes"], row["attempts"]) == ("queued", 2, 1, 0)
    assert "host-1" in row["cause"]
    assert '"suspect":true' in (await world.entry(f"{job_id}-2"))["opts"]
    # The worker was only frozen: it changes nothing any more.
    assert not await Ledger(world.primary, "host-1").complete(job_id, claimed.lease)
    assert await silent_runs.end() == 0


async def test_two_entries_of_one_job_at_once_are_one_run(world: JobWorld) -> None:
    """The older one must neither be given the run of the newer, nor leave it without a row."""
    job_id = await world.accept("greet", {"name": "Ada"}, send=False)
    await world.change(job_id, "generation = 2")
    ledger = Ledger(world.primary, "host-1")
    older, newer, same = await asyncio.gather(*(ledger.claim(job_id, entry, 60.0) for entry in (1, 2, 2)))
    assert isinstance(newer, Claimed)
    assert isinstance(older, Refused)
    assert isinstance(same, Refused)
    assert (older.is_older, same.is_live) == (True, True)
    ended = await asyncio.gather(*(ledger.complete(job_id, lease) for lease in (newer.lease - 1, newer.lease)))
    assert ended == [False, True]


async def test_two_that_look_at_once_count_one_crash(world: JobWorld, outbox: Outbox, relay: Relay) -> None:
    await settle(world.primary)
    job_id, _ = await _running(world)
    await world.change(job_id, SILENT)
    ended = await asyncio.gather(*(SilentRuns(world.primary, outbox, relay).end() for _ in range(3)))
    assert sum(ended) == 1
    assert (await world.row(job_id))["crashes"] == 1


async def test_a_run_far_past_its_time_is_taken_from_its_worker(world: JobWorld, silent_runs: SilentRuns) -> None:
    job_id, _ = await _running(world)
    await world.change(job_id, "deadline_at = clock_timestamp() - interval '20 seconds'")
    assert await silent_runs.end() == 0
    await world.change(job_id, "deadline_at = clock_timestamp() - interval '31 seconds'")
    assert await silent_runs.end() == 1
    row = await world.row(job_id)
    assert (row["generation"], row["crashes"]) == (2, 1)
    assert "past its time" in row["cause"]


async def test_the_third_death_makes_a_dead_letter_and_tells(world: JobWorld, silent_runs: SilentRuns) -> None:
    job_id, _ = await _running(world)
    await world.change(job_id, f"crashes = {MAX_CRASHES - 1}, {SILENT}")
    assert await silent_runs.end() == 1
    row = await world.row(job_id)
    assert (row["state"], row["code"], row["crashes"], row["generation"]) == ("dead", "poison", MAX_CRASHES, 1)
    assert "host-1" in row["cause"]
    (mourning,) = [row for row in await world.rows() if row["task"] == "mourn"]
    assert mourning["payload"]["job_id"] == str(job_id)
    assert mourning["payload"]["payload"] == {"name": "n0"}


async def test_a_row_that_its_run_is_writing_is_left_alone(world: JobWorld, silent_runs: SilentRuns) -> None:
    job_id, _ = await _running(world)
    await world.change(job_id, SILENT)
    async with world.primary.transaction() as tx:
        await tx.connection.execute("update jobs set steps = '{}' where id = %s", [job_id])
        assert await silent_runs.end() == 0
    assert await silent_runs.end() == 1


async def test_a_clock_that_jumped_ends_no_run(world: JobWorld, silent_runs: SilentRuns) -> None:
    """All heartbeats look old then, and workers need a moment to renew them."""
    job_id, _ = await _running(world)
    assert await silent_runs.end() == 0
    assert silent_runs._clocks_apart_s is not None
    silent_runs._clocks_apart_s -= 3600
    await world.change(job_id, "heartbeat_at = clock_timestamp() - interval '1 hour'")
    assert await silent_runs.end() == 0
    assert (await world.row(job_id))["crashes"] == 0


async def test_a_database_that_has_just_started_is_not_believed(
    world: JobWorld, silent_runs: SilentRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could renew while it was down. Here it started "less than a lease ago" since the lease is made that long."""
    job_id, _ = await _running(world)
    monkeypatch.setattr("ments.jobs.ledger.mend.LEASE_S", 3600 * 24 * 365)
    await world.change(job_id, "heartbeat_at = clock_timestamp() - interval '2 years'")
    assert await silent_runs.end() == 0


async def test_a_heartbeat_from_the_future_is_none(world: JobWorld, silent_runs: SilentRuns) -> None:
    """The database's clock was put back, and the worker died."""
    job_id, _ = await _running(world)
    await world.change(job_id, "heartbeat_at = clock_timestamp() + interval '1 hour'")
    assert await silent_runs.end() == 1


async def test_an_emptied_queue_is_filled_again(world: JobWorld, outbox: Outbox, relay: Relay) -> None:
    ids = await _queued(world, 700)
    stop = asyncio.Event()
    running = [
        asyncio.create_task(relay.run(stop)),
        asyncio.create_task(Reconciler(world.primary, world.queues, outbox, relay, BINDINGS).run(stop)),
    ]
    await asyncio.sleep(1)
    assert {row["generation"] for row in await world.rows()} == {1}
    await world.queues.client.flushall()

    async def filled() -> bool:
        return (await world.queues.count_jobs())["default"]["waiting"] == len(ids)

    await eventually(filled, within_s=60)
    stop.set()
    await asyncio.gather(*running)
    assert {(row["state"], row["generation"]) for row in await world.rows()} == {("queued", 2)}


async def test_a_restarted_valkey_that_forgot_one_gets_it_again(world: JobWorld, outbox: Outbox, relay: Relay) -> None:
    ids = await _queued(world, 3)
    stop = asyncio.Event()
    running = [
        asyncio.create_task(relay.run(stop)),
        asyncio.create_task(Reconciler(world.primary, world.queues, outbox, relay, BINDINGS).run(stop)),
    ]
    await asyncio.sleep(1)
    # What was written last was not on the disk yet.
    await world.queues.client.delete(f"bull:default:{ids[1]}-1")
    await world.queues.client.lrem("bull:default:wait", 1, f"{ids[1]}-1")
    world.valkey_server.kill()
    await asyncio.sleep(0.5)
    world.valkey_server.start()

    async def there() -> bool:
        return bool(await world.entry(f"{ids[1]}-2"))

    await eventually(there, within_s=60)
    stop.set()
    await asyncio.gather(*running)
    assert [(await world.row(job_id))["generation"] for job_id in ids] == [1, 2, 1]


async def test_what_moved_on_meanwhile_is_not_sent_again(world: JobWorld, lost_entries: LostEntries) -> None:
    """The row was read as queued, its job was begun or done, and its entry went."""
    begun, done, lost = await _queued(world, 3)
    await world.queues.client.flushall()
    stop = asyncio.Event()
    look_up = lost_entries._entries.look_up

    async def run_first(queue: str, entry_ids: list[str]) -> list[object]:
        ledger = Ledger(world.primary, "host-1")
        for job_id in (begun, done):
            await ledger.claim(job_id, 1, 60.0)
        await ledger.complete(done, 1)
        return list(await look_up(queue, entry_ids))

    lost_entries._entries.look_up = run_first  # type: ignore[method-assign,assignment]  # what happens in between
    assert await lost_entries.walk(stop, whole=True) == 1
    assert [(await world.row(job_id))["state"] for job_id in (begun, done, lost)] == ["running", "done", "accepted"]


async def test_an_entry_that_ended_without_its_job(world: JobWorld, lost_entries: LostEntries) -> None:
    ids = await _queued(world, 2)
    await world.queues.client.hset(f"bull:default:{ids[0]}-1", "finishedOn", "1")
    assert await lost_entries.walk(asyncio.Event(), whole=True) == 1
    rows = [await world.row(job_id) for job_id in ids]
    assert [(row["state"], row["generation"]) for row in rows] == [("accepted", 2), ("queued", 1)]


async def test_an_entry_in_no_list_is_sent_again_after_a_while(
    world: JobWorld, lost_entries: LostEntries, relay: Relay
) -> None:
    (job_id,) = await _queued(world)
    await world.queues.client.delete("bull:default:wait")
    assert await lost_entries.walk(asyncio.Event(), whole=True) == 0
    await world.change(job_id, "due_at = clock_timestamp() - interval '11 minutes'")
    assert await lost_entries.walk(asyncio.Event(), whole=True) == 1
    assert await relay.send_batch() == 1
    await world.counts(waiting=1)


async def test_an_entry_that_is_looked_at_again_and_again_is_not_stuck(
    world: JobWorld, lost_entries: LostEntries
) -> None:
    """It waits for another suspect job to end, for hours maybe; a later entry would wait just so."""
    soon, never = [await world.accept("greet", {}, send=False) for _ in range(2)]
    await world.queues.add([QueuedJob(soon, 1, "default", "greet", {}, 3, 2.0, delay_s=2)])
    await world.queues.add([QueuedJob(never, 1, "default", "greet", {}, 3, 2.0, delay_s=3600)])
    for job_id in (soon, never):
        await world.change(job_id, "state = 'queued', due_at = clock_timestamp() - interval '11 minutes'")
    assert await lost_entries.walk(asyncio.Event(), whole=True) == 1
    assert [(await world.row(job_id))["generation"] for job_id in (soon, never)] == [1, 2]


async def test_a_foreign_entry_is_known_by_its_own_id(world: JobWorld, lost_entries: LostEntries, relay: Relay) -> None:
    (job_id,) = await _queued(world)
    await world.change(job_id, "outside_id = '17'")
    await world.queues.client.hset("bull:default:17", mapping={"name": "greet", "data": "{}"})
    assert await lost_entries.walk(asyncio.Event(), whole=True) == 0
    await world.queues.client.delete("bull:default:17")
    assert await lost_entries.walk(asyncio.Event(), whole=True) == 1
    assert await relay.send_batch() == 1
    assert await world.entry(f"{job_id}-2")
    assert await lost_entries.walk(asyncio.Event(), whole=True) == 0


async def test_a_job_accepted_before_the_clock_was_put_back_is_sent(
    world: JobWorld, lost_entries: LostEntries, relay: Relay
) -> None:
    job_id = await world.accept("greet", {"name": "Ada"}, send=False)
    await world.change(job_id, "accepted_at = accepted_at + interval '1 hour', due_at = due_at + interval '1 hour'")
    assert await relay.send_batch() == 0
    await lost_entries.walk(asyncio.Event(), whole=False)
    await asyncio.sleep(1.1)
    assert await relay.send_batch() == 1


async def test_a_long_queue_is_walked_in_parts(
    world: JobWorld, lost_entries: LostEntries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ments.jobs.lost_entries._BATCH", 10)
    monkeypatch.setattr("ments.jobs.lost_entries._ROWS_A_WALK", 20)
    await _queued(world, 50)
    await world.queues.client.flushall()
    stop = asyncio.Event()
    assert [await lost_entries.walk(stop, whole=False) for _ in range(4)] == [20, 20, 10, 0]


async def test_the_lost_ones_are_run(world: JobWorld, outbox: Outbox, relay: Relay) -> None:
    await _queued(world, 20)
    await world.queues.client.flushall()
    seen = Seen()
    stop = asyncio.Event()
    running = [
        asyncio.create_task(relay.run(stop)),
        asyncio.create_task(Reconciler(world.primary, world.queues, outbox, relay, BINDINGS).run(stop)),
    ]
    async with world.working(BINDINGS, seen):
        await eventually(lambda: len(seen.names) == 20, within_s=60)
        stop.set()
        await asyncio.gather(*running)
    assert sorted(seen.names) == sorted({f"n{n}" for n in range(20)})
    assert {row["state"] for row in await world.rows()} == {"done"}
