"""Workers against a real Valkey: retries, ends, reconnection, draining, plain producers, and the library's defects."""

from __future__ import annotations

import asyncio
import errno
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from bullmq import Queue
from job_world import JobWorld
from redis.asyncio import Redis

from eventually import eventually
from ments.db import Primary
from ments.errors import Away, Permanent, Retryable
from ments.jobs import Bindings, JobContext, JobDied, QueuedJob, task
from ments.jobs.queue import KEPT_COMPLETED, KEPT_FAILED
from ments.jobs.rooms import RoomTasks, join_rooms


@dataclass(frozen=True)
class Asked:
    what: str
    opts: dict[str, str] = field(default_factory=dict)


X = {"what": "x"}


@dataclass
class Seen:
    """What the tasks of one test did; it stands in the place of the parts."""

    at: list[float] = field(default_factory=list)
    attempts: list[tuple[int, bool]] = field(default_factory=list)
    events: list[Asked] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    fail: Callable[[int], Exception | None] = lambda attempt: None
    takes_s: float = 0.0
    steps: list[dict[str, Any]] = field(default_factory=list)
    died: list[JobDied] = field(default_factory=list)
    primary: Primary | None = None
    may_write: asyncio.Event = field(default_factory=asyncio.Event)


@task(queue="default", name="ask")
async def ask(parts: Seen, job: JobContext, event: Asked) -> None:
    parts.at.append(time.monotonic())
    parts.attempts.append((job.attempt, job.last_attempt))
    parts.events.append(event)
    await job.report_progress(0.5)
    try:
        await asyncio.sleep(parts.takes_s)
    except asyncio.CancelledError:
        parts.ended.append("cancelled")
        raise
    error = parts.fail(job.attempt)
    if error:
        raise error
    parts.ended.append("done")


@task(queue="media", name="transcode")
async def transcode(parts: Seen, job: JobContext, event: Asked) -> None:
    parts.attempts.append((job.attempt, job.last_attempt))
    parts.events.append(event)
    if parts.fail(job.attempt):
        raise asyncio.CancelledError


@task(queue="default", name="hurry", timeout_s=2.0, backoff_s=0.5)
async def hurry(parts: Seen, job: JobContext, event: Asked) -> None:
    await ask(parts, job, event)


@task(queue="default", name="step", backoff_s=0.5)
async def step(parts: Seen, job: JobContext, event: Asked) -> None:
    parts.steps.append(dict(job.steps))
    await job.finish_step("first", {"made": 1})
    if error := parts.fail(job.attempt):
        raise error


@task(queue="default", name="write")
async def write(parts: Seen, job: JobContext, event: Asked) -> None:
    assert parts.primary
    parts.at.append(time.monotonic())
    await parts.may_write.wait()
    try:
        async with parts.primary.transaction() as tx:
            await tx.connection.execute("insert into effects values (%s)", [job.id])
            await job.commit(tx)
    finally:
        parts.ended.append(job.id)


@task(queue="default", name="mourn")
async def mourn(parts: Seen, job: JobContext, event: JobDied) -> None:
    parts.died.append(event)


BINDINGS = Bindings({Asked: (ask, transcode), JobDied: (mourn,)}, [hurry, step, write])


async def test_runs_at_0_2_and_6_seconds_then_is_kept_with_its_error(world: JobWorld) -> None:
    seen = Seen(fail=lambda attempt: Retryable(f"The disk is full, try {attempt}. postgresql://u:hunter2@h/x"))
    async with world.working(BINDINGS, seen):
        started = time.monotonic()
        job = await world.accept("ask", X)
        await world.counts(within_s=20, failed=1)
    # Never early; late by a quarter at most, which is drawn, and by what a loaded machine needs.
    first, second, third = (at - started for at in seen.at)
    assert first < 1.8
    assert 1.9 < second - first < 3.8
    assert 3.9 < third - second < 7.8
    assert seen.attempts == [(1, False), (2, False), (3, True)]
    stored = await world.entry(f"{job}-1")
    assert stored["failedReason"].startswith("The disk is full, try 3.")
    assert len(json.loads(stored["stacktrace"])) == 3
    assert "hunter2" not in json.dumps(stored)
    row = await world.row(job)
    assert (row["state"], row["attempts"], row["lease"], row["generation"]) == ("dead", 3, 3, 1)
    assert row["cause"].startswith("The disk is full, try 3.")
    assert [f"try {n}" in stack for n, stack in enumerate(row["stacks"], start=1)] == [True] * 3
    assert "hunter2" not in str(row)


async def test_permanent_is_run_once(world: JobWorld) -> None:
    seen = Seen(fail=lambda attempt: Permanent("This file is no video."))
    async with world.working(BINDINGS, seen):
        job = await world.accept("ask", X)
        await world.counts(failed=1)
        await asyncio.sleep(0.3)
    assert len(seen.at) == 1
    assert (await world.entry(f"{job}-1"))["failedReason"] == "This file is no video."
    row = await world.row(job)
    assert (row["state"], row["code"], row["cause"]) == ("dead", "permanent", "This file is no video.")


async def test_failed_jobs_are_kept_up_to_a_bound(world: JobWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that is never evicted holds them: without a bound a member's bad files would fill it."""
    monkeypatch.setitem(KEPT_FAILED, "count", 5)
    seen = Seen(fail=lambda attempt: Permanent("This file is no video."))
    async with world.working(BINDINGS, seen):
        jobs = [await world.accept("ask", X) for _ in range(12)]
        await eventually(lambda: len(seen.at) == len(jobs))
        await world.counts(failed=5, waiting=0, active=0)
    kept = [bool(await world.entry(f"{job}-1")) for job in jobs]
    assert kept.count(True) == 5


async def test_unknown_task_and_unfit_payload_fail_with_their_cause(world: JobWorld) -> None:
    seen = Seen()
    async with world.working(BINDINGS, seen):
        unfit = ({"what": 7}, [1, 2], {})
        jobs = [await world.accept("no_such_task", X), *[await world.accept("ask", payload) for payload in unfit]]
        await world.counts(failed=4)
        await world.becomes(await world.accept("ask", X), "done")
    reasons = [(await world.entry(f"{job}-1"))["failedReason"] for job in jobs]
    rows = [await world.row(job) for job in jobs]
    assert [row["code"] for row in rows] == ["unknown_task", *["unfit_payload"] * 3]
    assert [(row["state"], row["attempts"], row["cause"]) for row in rows] == [("dead", 0, why) for why in reasons]
    assert "no task 'no_such_task'" in reasons[0]
    assert all("does not fit Asked" in reason for reason in reasons[1:])
    assert "`$.what`" in reasons[1]


async def test_a_job_that_ended_three_workers_is_poison(world: JobWorld) -> None:
    seen = Seen()
    poison = await world.accept("ask", X, send=False)
    # Two runs crashed, and of the third nothing was heard for a while.
    await world.change(poison, "state = 'running', crashes = 2, lease = 3, heartbeat_at = now() - interval '1 minute'")
    await world.queues.add([QueuedJob(poison, 1, "default", "ask", X, 3, 2.0, suspect=True)])
    async with world.working(BINDINGS, seen):
        row = await world.becomes(poison, "dead")
    assert seen.at == []
    assert (row["code"], row["crashes"], row["attempts"]) == ("poison", 3, 0)
    assert "died each of the 3 times" in row["cause"]


async def test_a_job_whose_worker_may_live_is_left_to_it(world: JobWorld) -> None:
    seen = Seen()
    job = await world.accept("ask", X, send=False)
    await world.change(job, "state = 'running', lease = 1, owner = 'other', heartbeat_at = now() + interval '1 hour'")
    await world.queues.add([QueuedJob(job, 1, "default", "ask", X, 3, 2.0)])
    async with world.working(BINDINGS, seen):
        await asyncio.sleep(2.5)
        assert seen.at == []
        await world.change(job, "heartbeat_at = now() - interval '1 minute'")
        row = await world.becomes(job, "done")
    assert (row["lease"], row["crashes"], row["attempts"]) == (2, 1, 0)


@pytest.mark.parametrize("change", ["state = 'done'", "state = 'discarded'", "generation = 2"])
async def test_an_entry_of_no_use_is_passed_over(world: JobWorld, change: str) -> None:
    seen = Seen()
    job = await world.accept("ask", X, send=False)
    await world.change(job, change)
    await world.queues.add([QueuedJob(job, 1, "default", "ask", X, 3, 2.0)])
    async with world.working(BINDINGS, seen):
        await world.counts(completed=1)
    assert seen.at == []


async def test_a_part_that_is_away_uses_no_attempt(world: JobWorld) -> None:
    tries = iter([Away("Storage is away."), OSError(errno.ENOSPC, "No space left"), None])
    seen = Seen(fail=lambda attempt: next(tries))
    async with world.working(BINDINGS, seen):
        job = await world.accept("ask", X)
        row = await world.becomes(job, "done", within_s=30)
    assert (row["attempts"], row["postponed"], row["lease"]) == (0, 2, 3)
    assert seen.attempts == [(1, False)] * 3


async def test_an_effect_is_written_once_by_the_newest_run(world: JobWorld) -> None:
    """A run that was overtaken between its start and its commit writes nothing."""
    seen = Seen(primary=world.primary)
    async with world.primary.transaction() as tx:
        await tx.connection.execute("create table if not exists effects (job_id text)")
    async with world.working(BINDINGS, seen):
        overtaken = await world.accept("write", X)
        await eventually(lambda: len(seen.at) == 1)
        await world.change(overtaken, "lease = lease + 1")
        seen.may_write.set()
        kept = await world.accept("write", X)
        await world.becomes(kept, "done")
        await eventually(lambda: len(seen.ended) == 2)
    async with world.primary.transaction() as tx:
        rows = await (await tx.connection.execute("select job_id from effects")).fetchall()
        await tx.connection.execute("drop table effects")
    assert [row["job_id"] for row in rows] == [str(kept)]
    assert (await world.row(overtaken))["state"] == "running"


async def test_a_run_that_was_overtaken_is_ended(world: JobWorld) -> None:
    seen = Seen(takes_s=30)
    async with world.working(BINDINGS, seen):
        job = await world.accept("ask", X)
        await eventually(lambda: len(seen.at) == 1)
        await world.change(job, "lease = lease + 1")
        await eventually(lambda: seen.ended == ["cancelled"], within_s=20)


async def test_a_job_may_be_begun_anew_where_its_last_run_still_ends(world: JobWorld) -> None:
    """One worker that stood still takes its own job over: the old run's end is not the new one's."""
    seen = Seen(takes_s=2)
    async with world.working(BINDINGS, seen):
        job = await world.accept("ask", X)
        await eventually(lambda: len(seen.at) == 1)
        await world.change(job, "state = 'queued', generation = 2")
        await world.queues.add([QueuedJob(job, 2, "default", "ask", X, 3, 2.0)])
        row = await world.becomes(job, "done", within_s=30)
    assert seen.ended[-1] == "done"
    assert (row["lease"], row["attempts"]) == (2, 0)


async def test_steps_are_there_for_the_next_run(world: JobWorld) -> None:
    seen = Seen(fail=lambda attempt: Retryable("not yet") if attempt == 1 else None)
    async with world.working(BINDINGS, seen):
        job = await world.accept("step", X)
        await world.becomes(job, "done", within_s=30)
    assert seen.steps == [{}, {"first": {"made": 1}}]


async def test_a_run_that_takes_too_long_is_ended_and_tried_again(world: JobWorld) -> None:
    seen = Seen(takes_s=30)
    async with world.working(BINDINGS, seen):
        job = await world.accept("hurry", X)
        await eventually(lambda: seen.ended == ["cancelled"])
        seen.takes_s = 0
        row = await world.becomes(job, "done", within_s=30)
    assert (row["attempts"], row["code"]) == (1, "timeout")
    assert seen.ended == ["cancelled", "done"]


async def test_a_death_is_told(world: JobWorld) -> None:
    seen = Seen(fail=lambda attempt: Permanent("This file is no video."))
    async with world.working(BINDINGS, seen):
        job = await world.accept("ask", X)
        await eventually(lambda: len(seen.died) == 1)
    assert seen.died == [JobDied(job, "default", "ask", "permanent", "This file is no video.", {"what": "x"})]


async def test_a_plain_producers_job_is_adopted_with_the_retries_of_the_task(world: JobWorld) -> None:
    """What Node's `queue.add("transcode", {key, opts})` leaves: no attempts, no backoff, ids that are numbers."""
    seen = Seen(fail=lambda attempt: RuntimeError("first") if attempt == 1 else None)
    plain = Queue("media", {"connection": Redis.from_url(world.valkey_server.url, decode_responses=True)})
    async with world.working(BINDINGS, seen, queues=("media",)):
        await plain.add("transcode", {"what": "posts/1/original.mp4", "opts": {"postId": "1"}, "more": 1})
        # The first run is cancelled from within, which must not end the worker either.
        await eventually(lambda: len(seen.attempts) == 2)
    await plain.client.aclose()
    assert seen.attempts == [(1, False), (2, False)]
    assert seen.events[0] == Asked("posts/1/original.mp4", {"postId": "1"})
    (row,) = await world.rows()
    assert (row["state"], row["outside_id"], row["attempts_max"], row["attempts"]) == ("done", "1", 3, 1)


async def test_a_trace_that_is_none_goes_no_further(world: JobWorld) -> None:
    """Postgres does not hold a NUL: the job would come back every two seconds for ever."""
    seen = Seen()
    plain = Queue("media", {"connection": Redis.from_url(world.valkey_server.url, decode_responses=True)})
    async with world.working(BINDINGS, seen, queues=("media",)):
        for carried in ('{"traceparent": "a\\u0000b"}', "[" * 5_000, '{"traceparent": "\\ud800"}', "7"):
            await plain.add("transcode", X, {"tm": carried})
        await eventually(lambda: len(seen.attempts) == 4)
    await plain.client.aclose()
    assert [(row["state"], row["traceparent"]) for row in await world.rows()] == [("done", None)] * 4


async def test_an_idle_worker_is_not_deaf(world: JobWorld) -> None:
    """redis-py's timeout of 5 s equals the blocking wait of an idle worker, which is deaf for a while after it.

    A job begins the wait anew, so the next one comes a little after the wait has ended. Who is deaf is so each time, for
    0.7 s or more; who is not may be slow once, on a machine that has other things to do.
    """
    seen = Seen()
    picked_up_s: list[float] = []
    async with world.working(BINDINGS, seen):
        while len(picked_up_s) < 3 and not any(one < 0.5 for one in picked_up_s):
            await _accept_and_wait(world, seen)
            await asyncio.sleep(5.3)
            picked_up_s.append(await _accept_and_wait(world, seen))
    assert min(picked_up_s) < 0.5, picked_up_s


async def _accept_and_wait(world: JobWorld, seen: Seen) -> float:
    """Returns the seconds until it was picked up."""
    before = len(seen.at)
    added = time.monotonic()
    await world.accept("ask", X)
    await eventually(lambda: len(seen.at) == before + 1)
    return seen.at[-1] - added


async def test_a_restart_of_valkey_does_not_end_a_worker(world: JobWorld) -> None:
    seen = Seen()
    async with world.working(BINDINGS, seen):
        await world.accept("ask", X)
        await eventually(lambda: len(seen.at) == 1)
        world.valkey_server.kill()
        await asyncio.sleep(2)
        world.valkey_server.start()
        for _ in range(20):
            await world.accept("ask", X)
        await eventually(lambda: len(seen.at) == 21, within_s=30)
        await world.counts(completed=21)
    assert len(seen.at) == 21


async def test_a_worker_may_start_before_valkey(world: JobWorld) -> None:
    seen = Seen()
    world.valkey_server.kill()
    async with world.working(BINDINGS, seen):
        await asyncio.sleep(1)
        world.valkey_server.start()
        await world.accept("ask", X)
        await eventually(lambda: len(seen.at) == 1)


async def test_stop_finishes_what_runs(world: JobWorld) -> None:
    seen = Seen(takes_s=1.0)
    async with world.working(BINDINGS, seen, drain_s=5.0):
        await world.accept("ask", X)
        await world.accept("ask", X)
        await eventually(lambda: len(seen.at) == 2)
        before = time.monotonic()
    assert time.monotonic() - before < 4.5
    assert seen.ended == ["done", "done"]
    await world.counts(completed=2, active=0)


async def test_stop_hands_back_what_takes_too_long(world: JobWorld) -> None:
    seen = Seen(takes_s=60.0)
    async with world.working(BINDINGS, seen, drain_s=0.5):
        await world.accept("ask", X)
        await eventually(lambda: len(seen.at) == 1)
        before = time.monotonic()
    assert time.monotonic() - before < 4.5
    assert seen.ended == ["cancelled"]
    # At once by the next worker, and as the first attempt still.
    seen.takes_s = 0.0
    async with world.working(BINDINGS, seen):
        await eventually(lambda: len(seen.at) == 2, within_s=3)
        await world.counts(completed=1)
    assert seen.attempts == [(1, False), (1, False)]


@pytest.mark.parametrize("delay_ms", [300, 1200])
async def test_short_delays_are_kept(world: JobWorld, delay_ms: int) -> None:
    seen = Seen()
    plain = Queue("default", {"connection": Redis.from_url(world.valkey_server.url, decode_responses=True)})
    kept_s: list[float] = []
    # The library by itself rounds up to whole seconds, each time; a machine that has other things to do is late at times.
    bound_s = math.ceil(delay_ms / 1000)
    async with world.working(BINDINGS, seen):
        while len(kept_s) < 3 and not any(one < bound_s for one in kept_s):
            await asyncio.sleep(0.3)
            added = time.monotonic()
            await plain.add("ask", {"what": "later"}, {"delay": delay_ms})
            await eventually(lambda: len(seen.at) == len(kept_s) + 1)
            kept_s.append(seen.at[-1] - added)
    await plain.client.aclose()
    assert delay_ms / 1000 - 0.05 < min(kept_s) < bound_s, kept_s


async def test_a_task_whose_module_cannot_be_imported_makes_dead_letters(world: JobWorld) -> None:
    def broken() -> RoomTasks:
        raise ImportError("No module named 'libheif'")

    seen = Seen()
    joined = join_rooms({"media": broken, "weather": lambda: RoomTasks({Asked: (ask,)})})
    async with world.working(joined.bindings, seen, queues=("default", "media")):
        job = await world.accept("transcode", X, queue="media")
        row = await world.becomes(job, "dead")
        await world.becomes(await world.accept("ask", X), "done")
    assert row["code"] == "unknown_task"
    assert "media could not be loaded: ImportError: No module named 'libheif'" in row["cause"]


async def test_a_foreign_producer_cannot_keep_its_entries_for_ever(
    world: JobWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KEPT_COMPLETED, "count", 3)
    seen = Seen()
    plain = Queue("default", {"connection": Redis.from_url(world.valkey_server.url, decode_responses=True)})
    async with world.working(BINDINGS, seen):
        for _ in range(8):
            await plain.add("ask", X, {"removeOnComplete": False})
        await eventually(lambda: len(seen.at) == 8)
        await world.counts(completed=3, waiting=0, active=0)
    await plain.client.aclose()
