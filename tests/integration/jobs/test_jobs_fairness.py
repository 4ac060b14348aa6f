"""Who starts when, with real rows, a real queue and one slot: accounts go round, kinds of work keep their rank."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest_asyncio
from job_world import JobWorld

from eventually import eventually
from ments.errors import Away
from ments.jobs import Bindings, JobContext, Outbox, QueuedJob, TaskDefinition, task
from ments.jobs.model import Rank
from sending import open_patient_outbox


@dataclass(frozen=True)
class Film:
    """Something to be made, and whose it is."""

    who: str
    account_id: UUID


@dataclass
class Studio:
    """What the tasks of a test know; it stands in the place of the parts."""

    outbox: Outbox
    # Held by what runs, so that a test says when the next one begins.
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    begun: list[str] = field(default_factory=list)
    away: set[str] = field(default_factory=set)

    def open(self, times: int = 100_000) -> None:
        for _ in range(times):
            self.gate.release()


def _whose(event: Film) -> UUID:
    return event.account_id


@task(queue="media", name="first", rank=Rank.FIRST, account_of=_whose)
async def first(parts: Studio, job: JobContext, event: Film) -> None:
    parts.begun.append(event.who)
    await parts.gate.acquire()
    if event.who in parts.away:
        parts.away.remove(event.who)
        raise Away("The storage does not answer.")


@task(queue="media", name="ladder", rank=Rank.LATER, account_of=_whose)
async def ladder(parts: Studio, job: JobContext, event: Film) -> None:
    await first.run(parts, job, event)


@task(queue="media", name="rebuild", rank=Rank.BACKGROUND, account_of=_whose)
async def rebuild(parts: Studio, job: JobContext, event: Film) -> None:
    await first.run(parts, job, event)


@task(queue="default", name="note")
async def note(parts: Studio, job: JobContext, event: Film) -> None:
    parts.begun.append(f"note {event.who}")


BINDINGS = Bindings({}, [first, ladder, rebuild, note])


@pytest_asyncio.fixture
async def studio(world: JobWorld) -> AsyncIterator[Studio]:
    # What waits for a relay instead would come in another order.
    async with open_patient_outbox(world.primary, world.valkey_server.url, BINDINGS) as outbox:
        yield Studio(outbox)


async def _accept(world: JobWorld, studio: Studio, made: TaskDefinition, account_id: UUID, *names: str) -> None:
    """Accept jobs, each in a transaction of its own, and wait until all of them are in the queue."""
    before = await _entries(studio)
    for name in names:
        async with world.primary.transaction() as tx:
            await made.later(studio, tx, Film(name, account_id))

    async def queued() -> bool:
        return await _entries(studio) - before == len(names)

    await eventually(queued)


async def _entries(studio: Studio) -> int:
    counts = (await studio.outbox.queues.count_jobs(("media",)))["media"]
    return sum(counts.values())


def _named(prefix: str, jobs: int) -> list[str]:
    return [f"{prefix}{n}" for n in range(1, jobs + 1)]


async def test_a_hundred_uploads_of_one_account_hold_up_nobody(world: JobWorld, studio: Studio) -> None:
    mara, ben, cleo = uuid4(), uuid4(), uuid4()
    async with world.working(BINDINGS, studio, ("media",), slots=1):
        await _accept(world, studio, first, mara, *_named("mara", 100))
        await eventually(lambda: studio.begun == ["mara1"])
        await _accept(world, studio, first, ben, "ben1")
        await _accept(world, studio, first, cleo, *_named("cleo", 3))
        studio.open(9)
        await eventually(lambda: len(studio.begun) == 10)
        assert studio.begun == [
            *("mara1", "mara2", "ben1", "cleo1"),
            *("mara3", "cleo2", "mara4", "cleo3", "mara5", "mara6"),
        ]
        studio.open()
        await eventually(lambda: len(studio.begun) == 104, within_s=20)
    assert [who for who in studio.begun if who.startswith("mara")] == _named("mara", 100)


async def test_what_makes_media_playable_goes_first_and_the_rest_follows(world: JobWorld, studio: Studio) -> None:
    mara, ben = uuid4(), uuid4()
    async with world.working(BINDINGS, studio, ("media",), slots=1):
        await _accept(world, studio, rebuild, mara, "rebuild1", "rebuild2")
        await eventually(lambda: studio.begun == ["rebuild1"])
        await _accept(world, studio, ladder, mara, *_named("ladder", 5))
        await _accept(world, studio, first, mara, "mara1")
        studio.open(3)
        await eventually(lambda: len(studio.begun) == 4)
        # Ladder work has been served alone for a while by now; that holds no newcomer up.
        await _accept(world, studio, first, ben, "ben1")
        studio.open()
        await eventually(lambda: len(studio.begun) == 9)
    assert studio.begun == [
        *("rebuild1", "mara1", "ladder1", "ladder2", "ben1"),
        *("ladder3", "ladder4", "ladder5", "rebuild2"),
    ]


async def test_nothing_starves_under_a_stream_of_first_work(world: JobWorld, studio: Studio) -> None:
    """A ladder waits for 64 rounds of newer first renditions, and not for one more."""
    mara, ben = uuid4(), uuid4()
    async with world.working(BINDINGS, studio, ("media",), slots=1):
        await _accept(world, studio, first, ben, "ben0")
        await eventually(lambda: studio.begun == ["ben0"])
        await _accept(world, studio, ladder, mara, "ladder1")
        newer = 0
        while "ladder1" not in studio.begun:
            newer += 1
            assert newer <= 70
            await _accept(world, studio, first, ben, f"ben{newer}")
            studio.open(1)
            await eventually(lambda n=newer: len(studio.begun) == n + 1)
        assert studio.begun.index("ladder1") == 65
        studio.open()


async def test_an_emptied_queue_gets_the_same_order_back(world: JobWorld, studio: Studio) -> None:
    mara, ben = uuid4(), uuid4()
    await _accept(world, studio, ladder, mara, "ladder1")
    await _accept(world, studio, first, mara, *_named("mara", 3))
    await _accept(world, studio, first, ben, *_named("ben", 2))
    await world.queues.client.flushall()
    # As the relay does, in whatever order it finds the rows.
    await world.queues.add(
        [
            QueuedJob(row["id"], 2, "media", row["task"], row["payload"], 3, 2.0, row["turn"])
            for row in sorted(await world.rows(), key=lambda row: str(row["payload"]))
        ]
    )
    async with world.primary.transaction() as tx:
        await tx.connection.execute("update jobs set generation = 2")
    studio.open()
    async with world.working(BINDINGS, studio, ("media",), slots=1):
        await eventually(lambda: len(studio.begun) == 6)
    assert studio.begun == ["ben1", "mara1", "ben2", "mara2", "mara3", "ladder1"]


async def test_light_work_never_waits_behind_heavy(world: JobWorld, studio: Studio) -> None:
    mara = uuid4()
    async with world.working(BINDINGS, studio, ("media", "default"), slots=1):
        await _accept(world, studio, first, mara, *_named("mara", 20))
        await eventually(lambda: studio.begun == ["mara1"])
        for n in range(20):
            async with world.primary.transaction() as tx:
                await note.later(studio, tx, Film(str(n), mara))
        await eventually(lambda: len(studio.begun) == 21)
        assert studio.begun == ["mara1", *(f"note {n}" for n in range(20))]
        studio.open()
        await eventually(lambda: len(studio.begun) == 40)


async def test_what_comes_back_after_an_outage_stands_in_line_again(world: JobWorld, studio: Studio) -> None:
    """Thirty jobs of one account began while storage was away and were put off: they must not all go before a newcomer."""
    mara, ben = uuid4(), uuid4()
    names = _named("mara", 30)
    studio.away.update(names)
    async with world.working(BINDINGS, studio, ("media",), slots=1):
        await _accept(world, studio, first, mara, *names)
        studio.open(29)
        await eventually(lambda: len(studio.begun) >= 30)
        # All are due again before the next one begins.
        await asyncio.sleep(4)
        begun = len(studio.begun)
        await _accept(world, studio, first, ben, "ben1")
        studio.open()
        await eventually(lambda: "ben1" in studio.begun)
        assert studio.begun.index("ben1") - begun <= 3
        await eventually(lambda: len(studio.begun) == 61, within_s=20)
