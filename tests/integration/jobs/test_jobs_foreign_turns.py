"""A foreign producer's jobs take turns with ours, although it knows nothing of turns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from bullmq import Queue
from job_world import JobWorld

from ments.jobs import Bindings, JobContext, task
from ments.jobs.entries import Entries
from ments.jobs.foreign import ForeignEntries
from ments.jobs.prove import read_books


@dataclass(frozen=True)
class Uploaded:
    name: str
    account_id: UUID | None = None


@dataclass
class Seen:
    names: list[str]


@task(queue="media", name="render")
async def render(parts: Seen, job: JobContext, event: Uploaded) -> None:
    parts.names.append(event.name)


BINDINGS = Bindings({Uploaded: (render,)})


async def _add(world: JobWorld, *names: str, **options: Any) -> None:
    queue = Queue("media", {"connection": world.queues.client})
    for name in names:
        await queue.add("render", {"name": name}, options)


async def test_they_go_round_as_one_account(world: JobWorld) -> None:
    """Without a turn all three would be run ahead of what was there before them."""
    for n in range(2):
        await world.accept("render", {"name": f"ours{n}"}, queue="media", account_id=uuid4())
    await _add(world, "theirs0", "theirs1", "theirs2")
    await world.accept("render", {"name": "late"}, queue="media", account_id=uuid4())
    entries = ForeignEntries(world.primary, world.queues, BINDINGS)
    assert await entries.give_turns() == 3
    assert await entries.give_turns() == 0
    await world.counts(queue="media", waiting=0, prioritized=6)
    seen = Seen([])
    async with world.working(BINDINGS, seen, queues=("media",), slots=1):
        await world.counts(queue="media", completed=6)
    assert seen.names == ["ours0", "ours1", "late", "theirs0", "theirs1", "theirs2"]
    assert {row["state"] for row in await world.rows()} == {"done"}


async def test_two_that_look_at_once_and_a_worker_make_one_job_of_each(world: JobWorld) -> None:
    await _add(world, *(f"n{n}" for n in range(30)))
    looks = [ForeignEntries(world.primary, world.queues, BINDINGS) for _ in range(2)]
    seen = Seen([])
    async with world.working(BINDINGS, seen, queues=("media",)):
        await asyncio.gather(*(entries.give_turns() for entries in looks))
        await world.counts(queue="media", completed=30)
    assert sorted(seen.names) == sorted(f"n{n}" for n in range(30))
    assert len(await world.rows()) == 30
    books = await read_books(world.primary, Entries(world.queues.client))
    assert (books.balanced, books.done, books.foreign) == (True, 30, 0)


async def test_an_entry_that_is_no_json_and_one_without_a_task_hold_nobody_up(world: JobWorld) -> None:
    await _add(world, "good")
    queue = Queue("media", {"connection": world.queues.client})
    await queue.add("no_such_task", {})
    await world.queues.client.hset("bull:media:broken", mapping={"name": "render", "data": "{", "opts": "{}"})
    await world.queues.client.hset("bull:media:odd", mapping={"name": "render", "data": "{}", "opts": "[]"})
    await world.queues.client.rpush("bull:media:wait", "broken", "gone", "odd")
    assert await ForeignEntries(world.primary, world.queues, BINDINGS).give_turns() == 2


async def test_a_turn_that_was_written_down_and_not_given_is_given(world: JobWorld) -> None:
    await _add(world, "theirs")
    entries = ForeignEntries(world.primary, world.queues, BINDINGS)
    await entries.give_turns()
    (row,) = await world.rows()
    await world.queues.client.delete("bull:media:prioritized")
    await world.queues.client.lpush("bull:media:wait", row["outside_id"])
    assert await entries.give_turns() == 1
    (again,) = await world.rows()
    assert again["turn"] == row["turn"] > 0
    await world.counts(queue="media", prioritized=1)
