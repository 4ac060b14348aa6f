"""Turns in the ledger: taken under a lock, moved on by whatever begins a run, counted anew when nothing waits."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

from job_world import JobWorld

from ments.jobs.ledger import NewJob, insert_jobs
from ments.jobs.ledger.turns import queries, restart_all_turns, restart_turns, take_turns
from ments.jobs.model import Rank
from ments.parts import Parts

X = {"what": "x"}


async def _accept(world: JobWorld, account_id: UUID | None, queue: str = "media") -> UUID:
    return await world.accept("film", X, queue=queue, send=False, account_id=account_id)


async def _turns(world: JobWorld, *job_ids: UUID) -> list[int]:
    return [(await world.row(job_id))["turn"] for job_id in job_ids]


async def _begin(world: JobWorld, job_id: UUID) -> None:
    """What a claim does."""
    await world.change(job_id, "state = 'running', lease = lease + 1")


async def _served(world: JobWorld) -> int:
    async with world.primary.session() as session:
        row = await (await session.connection.execute("select max(served) as served from job_turns")).fetchone()
    assert row is not None
    return row["served"] or 0


async def test_a_hundred_at_once_of_one_account_get_a_turn_each(world: JobWorld) -> None:
    mara, other = uuid4(), uuid4()
    await asyncio.gather(*(_accept(world, account) for _ in range(100) for account in (mara, other)))
    for account in (mara, other):
        turns = [row["turn"] for row in await world.rows() if row["account_id"] == account]
        assert sorted(turns) == list(range(1, 101))


async def test_jobs_of_nobody_are_one_accounts(world: JobWorld) -> None:
    mara = uuid4()
    jobs = [await _accept(world, account) for account in (None, None, mara, None, mara)]
    assert await _turns(world, *jobs) == [1, 2, 1, 3, 2]


async def test_light_work_takes_no_turns(world: JobWorld) -> None:
    mara = uuid4()
    jobs = [await _accept(world, mara, queue="default") for _ in range(3)]
    assert await _turns(world, *jobs) == [0, 0, 0]
    await _begin(world, jobs[0])
    assert await _served(world) == 0


async def test_what_is_taken_and_rolled_back_is_taken_again(world: JobWorld) -> None:
    class Undone(Exception):
        pass

    mara = uuid4()
    try:
        async with world.primary.transaction() as tx:
            assert await take_turns(tx, "media", Rank.FIRST, mara, 3) == [1, 2, 3]
            raise Undone
    except Undone:
        pass
    async with world.primary.transaction() as tx:
        assert await take_turns(tx, "media", Rank.FIRST, mara, 2) == [1, 2]
        assert await take_turns(tx, "media", Rank.LATER, mara) == [65]


async def test_two_that_take_for_the_same_accounts_do_not_wait_in_a_ring(world: JobWorld) -> None:
    one, two = sorted((uuid4(), uuid4()), key=str)

    def new(account_id: UUID, rank: Rank) -> NewJob:
        return NewJob(uuid4(), "media", "film", "{}", 3, 2.0, rank, account_id, 0)

    async def take(*jobs: NewJob) -> None:
        async with world.primary.transaction() as tx:
            await insert_jobs(tx, jobs, None)

    for _ in range(20):
        await asyncio.gather(
            take(new(one, Rank.LATER), new(two, Rank.FIRST)), take(new(one, Rank.FIRST), new(two, Rank.LATER))
        )
    assert len(await world.rows()) == 80


async def test_the_round_goes_on_with_what_begins_and_never_back(world: JobWorld) -> None:
    mara = uuid4()
    jobs = [await _accept(world, mara) for _ in range(5)]
    await _begin(world, jobs[3])
    await _begin(world, jobs[0])
    assert await _served(world) == 4
    assert await _turns(world, await _accept(world, uuid4())) == [5]
    # A heartbeat, a retry or an end is no beginning.
    await world.change(jobs[4], "heartbeat_at = clock_timestamp(), state = 'done'")
    assert await _served(world) == 4


async def test_each_rank_counts_by_itself(world: JobWorld) -> None:
    mara = uuid4()

    async def take(rank: Rank, account_id: UUID) -> UUID:
        async with world.primary.transaction() as tx:
            (turn,) = await take_turns(tx, "media", rank, account_id)
        job_id = await _accept(world, account_id)
        await world.change(job_id, f"turn = {turn}, rank = {int(rank)}")
        return job_id

    ladder = [await take(Rank.LATER, mara) for _ in range(40)]
    assert await _turns(world, ladder[0], ladder[-1]) == [65, 104]
    for job_id in ladder[:30]:
        await _begin(world, job_id)
    # Thirty rounds of ladder work were served: a newcomer's first rendition still goes before the rest of it.
    first = await take(Rank.FIRST, uuid4())
    later = await take(Rank.LATER, uuid4())
    assert await _turns(world, first, later, ladder[30]) == [31, 95, 95]
    assert await _turns(world, await take(Rank.FIRST, mara), await take(Rank.BACKGROUND, mara)) == [31, 543]


async def test_the_count_starts_anew_when_nothing_waits(world: JobWorld, parts: Parts) -> None:
    job_id = await _accept(world, uuid4())
    await world.change(job_id, "turn = 2000")
    await _begin(world, job_id)
    await restart_all_turns(parts)
    assert await _served(world) == 2000, "it runs"
    await world.change(job_id, "state = 'queued', due_at = clock_timestamp() + interval '1 hour'")
    assert not await restart_turns(world.primary, "media"), "it waits"
    await world.change(job_id, "state = 'done'")
    async with world.primary.transaction() as tx:
        assert await take_turns(tx, "media", Rank.FIRST, None) == [2001]
        assert not await restart_turns(world.primary, "media"), "somebody is about to accept a job"
    assert await restart_turns(world.primary, "media")
    assert await _turns(world, await _accept(world, None)) == [1]


async def test_a_turn_is_found_by_the_index(world: JobWorld) -> None:
    """At ten thousand waiting jobs an account's last turn is one look into the index, whoever asks."""
    mara = uuid4()
    async with world.primary.transaction() as tx:
        await tx.connection.execute(
            """
            insert into jobs (id, queue, task, payload, account_id, turn, state, attempts_max, backoff_s)
            select gen_random_uuid(), 'media', 'film', '{}', case n %% 50 when 0 then %s when 1 then null
              else ('00000000-0000-0000-0000-' || lpad((n %% 50)::text, 12, '0'))::uuid end, 1 + n / 50, 'queued', 3, 2
            from generate_series(1, 10000) as n
            """,
            [mara],
        )
    # Outside of it: rows that are not committed are no statistics.
    async with world.primary.session() as session:
        await session.connection.execute("analyze jobs")
    for account_id in (mara, None):
        read = await _rows_read(world, account_id)
        assert 0 < read <= 5


async def _rows_read(world: JobWorld, account_id: UUID | None) -> int:
    async with world.primary.transaction() as tx:
        plan: Any = await tx.connection.execute(
            "explain (analyze, format json) " + queries.get_turns.sql,
            {"queue": "media", "rank": 0, "account_id": account_id},
        )
        found = (await plan.fetchone())["QUERY PLAN"][0]["Plan"]
    return _scanned(found)


def _scanned(plan: dict[str, Any]) -> int:
    own = int(plan["Actual Rows"]) if plan.get("Relation Name") == "jobs" else 0
    return own + sum(_scanned(below) for below in plan.get("Plans", []))
