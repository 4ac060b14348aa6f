"""Old jobs leave the ledger, a batch at a time; their numbers stay in the books."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from job_world import JobWorld

from ments.jobs.entries import Entries
from ments.jobs.prove import read_books
from ments.jobs.prune import prune


async def _ended(world: JobWorld, state: str, days: int, how_many: int = 1) -> None:
    for _ in range(how_many):
        job_id = await world.accept("greet", {}, send=False)
        await world.change(job_id, f"state = '{state}', finished_at = clock_timestamp() - interval '{days} days'")


async def _states(world: JobWorld) -> list[tuple[str, int]]:
    async with world.primary.session() as session:
        cursor = await session.connection.execute(
            "select state, count(*) as jobs from jobs group by state order by state"
        )
        return [(row["state"], row["jobs"]) for row in await cursor.fetchall()]


async def _execute(world: JobWorld, statement: str, *values: Any) -> None:
    async with world.primary.transaction() as tx:
        await tx.connection.execute(statement, values)  # type: ignore[arg-type]  # built by tests


async def test_each_kind_is_kept_for_its_time_and_the_books_still_balance(world: JobWorld) -> None:
    for state, kept, gone in (("done", 2, 4), ("discarded", 6, 8), ("dead", 89, 91)):
        await _ended(world, state, kept)
        await _ended(world, state, gone, 2)
    old = await world.accept("greet", {}, send=False)
    await world.change(old, "accepted_at = clock_timestamp() - interval '1 year'")
    before = await read_books(world.primary, Entries(world.queues.client))
    gone_rows = await prune(world.primary)
    assert {state: gone_rows[state] for state in ("done", "discarded", "dead")} == {
        "done": 2,
        "discarded": 2,
        "dead": 2,
    }
    assert await _states(world) == [("accepted", 1), ("dead", 1), ("discarded", 1), ("done", 1)]
    after = await read_books(world.primary, Entries(world.queues.client))
    assert (after.accepted, after.done, after.dead, after.discarded) == (10, 3, 3, 3)
    assert (after.accepted, after.done, after.dead) == (before.accepted, before.done, before.dead)


async def test_several_prune_at_once_in_batches_with_a_bound(world: JobWorld) -> None:
    await _ended(world, "done", 4, 50)
    await prune(world.primary, batch=10, batches_max=2)
    assert await _states(world) == [("done", 30)]
    await asyncio.gather(*(prune(world.primary, batch=5) for _ in range(3)))
    await prune(world.primary)
    assert await _states(world) == []
    books = await read_books(world.primary, Entries(world.queues.client))
    assert (books.accepted, books.done) == (50, 50)


async def test_workers_that_died_and_the_old_outbox_are_forgotten(world: JobWorld) -> None:
    for name, age in (("dead", "2 days"), ("alive", "1 second")):
        await _execute(
            world,
            "insert into job_workers (name, slots, seen_at) values (%s, '{}', clock_timestamp() - %s::interval)",
            name,
            age,
        )
    for age in ("8 days", "1 day"):
        await _execute(
            world,
            "insert into outbox (job_id, queue, task, payload, created_at)"
            " values (%s, 'default', 'greet', '{}', clock_timestamp() - %s::interval)",
            str(uuid4()),
            age,
        )
    gone = await prune(world.primary)
    assert (gone["workers"], gone["outbox"]) == (1, 1)
