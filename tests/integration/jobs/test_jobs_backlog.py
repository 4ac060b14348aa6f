"""What counts as too much in a queue, what doesn't, and what happens while a part is away."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
from bullmq import Queue
from job_world import JobWorld
from redis.asyncio import Redis

from eventually import eventually
from ments.db import Primary
from ments.jobs import JobQueues
from ments.jobs import backlog as backlog_module
from ments.jobs.backlog import Backlog, Excess
from ments.jobs.ledger import overview as overview_module
from ments.jobs.model import Rank
from sending import open_patient_queues


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look is waited for: one that takes over a second finds no excess, by design."""
    monkeypatch.setattr(backlog_module, "_ASK_TIMEOUT_S", 30.0)


def _backlog(world: JobWorld, waiting_max: int = 0, wait_max_s: int = 0) -> Backlog:
    return Backlog(world.primary, world.queues, "media", waiting_max=waiting_max, wait_max_s=wait_max_s)


async def _found(world: JobWorld, waiting_max: int = 0, wait_max_s: int = 0) -> Excess | None:
    """A look that nobody has cached."""
    return await _backlog(world, waiting_max, wait_max_s).find_excess()


async def _wait(
    world: JobWorld,
    jobs: int,
    *,
    state: str = "queued",
    rank: Rank = Rank.FIRST,
    due_s: float = 0,
    queue: str = "media",
    postponed: int = 0,
) -> None:
    """Let jobs wait that became due `due_s` ago."""
    async with world.primary.transaction() as tx:
        await tx.connection.execute(
            """
            insert into jobs (id, queue, task, payload, turn, rank, state, attempts_max, backoff_s, due_at, postponed)
            select gen_random_uuid(), %(queue)s, 'film', '{}', n + %(rank)s, %(rank)s, %(state)s, 3, 2,
              clock_timestamp() - make_interval(secs => %(due_s)s), %(postponed)s
            from generate_series(1, %(jobs)s) as n
            """,
            {"queue": queue, "rank": int(rank), "state": state, "due_s": due_s, "jobs": jobs, "postponed": postponed},
        )


@pytest.mark.usefixtures("patient")
async def test_refuses_above_the_depth_and_no_sooner(world: JobWorld) -> None:
    await _wait(world, 3)
    await _wait(world, 2, state="accepted", rank=Rank.LATER)
    assert await _found(world, waiting_max=5) is None
    await _wait(world, 1)
    excess = await _found(world, waiting_max=5)
    assert excess is not None
    assert (excess.reason, excess.waiting, excess.retry_after_s) == ("depth", 6, 60)


@pytest.mark.usefixtures("patient")
async def test_what_is_put_off_waits_and_what_is_due_later_does_not(world: JobWorld) -> None:
    """Where no worker's disk has room, uploads would be taken without end."""
    await _wait(world, 9, due_s=-30)
    assert await _found(world, waiting_max=5) is None
    await _wait(world, 6, due_s=-30, postponed=1)
    excess = await _found(world, waiting_max=5)
    assert excess is not None
    assert (excess.reason, excess.waiting) == ("depth", 6)


@pytest.mark.usefixtures("patient")
async def test_what_runs_is_due_later_is_rebuilt_or_light_refuses_nobody(world: JobWorld) -> None:
    await _wait(world, 9, state="running", due_s=500)
    await _wait(world, 9, state="done", due_s=500)
    await _wait(world, 9, due_s=-60)
    await _wait(world, 9, rank=Rank.BACKGROUND, due_s=500)
    await _wait(world, 9, queue="default", due_s=500)
    assert await _found(world, waiting_max=1, wait_max_s=100) is None


@pytest.mark.usefixtures("patient")
async def test_refuses_when_the_oldest_has_waited_too_long(world: JobWorld) -> None:
    await _wait(world, 1, due_s=90)
    assert await _found(world, waiting_max=500, wait_max_s=100) is None
    await _wait(world, 1, due_s=110)
    excess = await _found(world, waiting_max=500, wait_max_s=100)
    assert excess is not None
    assert (excess.reason, excess.waiting) == ("age", 2)
    assert 110 <= excess.oldest_s < 130
    assert await _found(world, waiting_max=500) is None, "0: no bound"
    assert await _found(world) is None


@pytest.mark.usefixtures("patient")
async def test_counts_what_a_foreign_producer_has_put_into_the_queue(world: JobWorld) -> None:
    await _wait(world, 2)
    async with Redis.from_url(world.valkey_server.url, decode_responses=True) as client:
        plain = Queue("media", {"connection": client})
        for n in range(3):
            await plain.add("transcode", {"key": f"posts/{n}/original.mp4"})
    async with open_patient_queues(world.valkey_server.url) as queues:
        roomy, full = (Backlog(world.primary, queues, "media", waiting_max=most, wait_max_s=0) for most in (5, 4))
        assert await roomy.find_excess() is None
        excess = await full.find_excess()
    assert excess is not None
    assert excess.waiting == 5


@pytest.mark.usefixtures("patient")
async def test_says_when_to_come_back_by_the_pace_of_late(world: JobWorld) -> None:
    await _wait(world, 30, due_s=200)
    await _wait(world, 10, state="done")
    await _wait(world, 10, state="done", queue="default")
    async with world.primary.transaction() as tx:
        await tx.connection.execute("update jobs set finished_at = clock_timestamp() where state = 'done'")
    excess = await _found(world, waiting_max=20)
    assert excess is not None
    # Ten too many, and ten ended in the 200 s since the oldest came.
    assert 195 <= excess.retry_after_s <= 230


@pytest.mark.usefixtures("patient")
async def test_a_crowd_asks_once_a_second(world: JobWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = 0, asyncio.Event()
    measure = backlog_module.queries.measure_backlog

    async def counted(*given: object, **named: object) -> object:
        nonlocal asked
        asked += 1
        await answer.wait()
        return await measure(*given, **named)

    kept_s = backlog_module._KEPT_S
    assert kept_s == 1.0
    # So that no second passes before the test has looked twice.
    monkeypatch.setattr(backlog_module, "_KEPT_S", 3600.0)
    monkeypatch.setattr(backlog_module.queries, "measure_backlog", counted)
    backlog = _backlog(world, waiting_max=5)
    first = asyncio.create_task(backlog.find_excess())
    await eventually(lambda: asked == 1)
    others = [asyncio.create_task(backlog.find_excess()) for _ in range(200)]
    await asyncio.sleep(0)
    # Whoever began the look may go away; the others get its answer.
    first.cancel()
    answer.set()
    assert await asyncio.gather(*others) == [None] * 200
    assert asked == 1
    await _wait(world, 6)
    assert await backlog.find_excess() is None
    assert asked == 1
    monkeypatch.setattr(backlog_module, "_KEPT_S", kept_s)
    await asyncio.sleep(1.05)
    assert await backlog.find_excess() is not None


@pytest.mark.usefixtures("patient")
async def test_the_state_ends_by_itself(world: JobWorld) -> None:
    backlog = _backlog(world, waiting_max=2)
    await _wait(world, 3)
    assert await backlog.find_excess() is not None
    async with world.primary.transaction() as tx:
        await tx.connection.execute("update jobs set state = 'done', finished_at = clock_timestamp()")
    await asyncio.sleep(1.05)
    assert await backlog.find_excess() is None


async def test_lets_through_when_postgres_cannot_say(world: JobWorld) -> None:
    away = Primary("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1", size=1)
    await away.open()
    try:
        backlog = Backlog(away, world.queues, "media", waiting_max=1, wait_max_s=1)
        before = time.monotonic()
        assert await backlog.find_excess() is None
        assert time.monotonic() - before < 10
    finally:
        await away.close()


@pytest.mark.usefixtures("patient")
async def test_without_valkey_the_rows_decide(world: JobWorld) -> None:
    world.valkey_server.kill()
    queues = JobQueues(world.valkey_server.url)
    await _wait(world, 3)
    try:
        full = Backlog(world.primary, queues, "media", waiting_max=2, wait_max_s=0)
        assert await full.find_excess() is not None
        roomy = Backlog(world.primary, queues, "media", waiting_max=3, wait_max_s=0)
        assert await roomy.find_excess() is None
    finally:
        await queues.aclose()


async def test_a_count_reads_no_more_than_it_needs(world: JobWorld) -> None:
    """However much rebuilding waits: each kind of work is counted by the index."""
    await _wait(world, 20_000, rank=Rank.BACKGROUND)
    await _wait(world, 400)
    async with world.primary.session() as session:
        await session.connection.execute("analyze jobs")
    async with world.primary.session() as session:
        found = await (
            await session.connection.execute(
                "explain (analyze, format json) " + backlog_module.queries.measure_backlog.sql,
                {"queue": "media", "ranks": [0, 64], "late_s": 3600.0, "most": 501},
            )
        ).fetchone()
    assert found is not None
    assert "jobs_turns" in str(found["QUERY PLAN"])


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (backlog_module.queries.measure_pace, {"queue": "media", "window_s": 300.0, "most": 2_000}),
        (overview_module.queries.measure_ended, {"most": 5_000}),
    ],
)
async def test_the_pace_of_late_is_read_without_the_history(
    world: JobWorld, query: Any, values: dict[str, Any]
) -> None:
    async with world.primary.transaction() as tx:
        await tx.connection.execute(
            """
            insert into jobs (id, queue, task, payload, state, attempts_max, backoff_s, started_at, finished_at)
            select gen_random_uuid(), 'media', 'film', '{}', 'done', 3, 2, at, at
            from generate_series(1, 20000) as n, lateral (select now() - make_interval(secs => n * 10) as at) as ended
            """
        )
    async with world.primary.session() as session:
        await session.connection.execute("analyze jobs")
        found = await (
            await session.connection.execute("explain (analyze, format json) " + query.sql, values)
        ).fetchone()
    assert found is not None
    text = str(found["QUERY PLAN"])
    assert "jobs_ended" in text
    assert not re.findall(r"'Rows Removed by Filter': [1-9]", text)
