"""Workers against a real Valkey: retries, ends, reconnection, draining, plain producers, and the library's defects."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from bullmq import Queue
from redis.asyncio import Redis

from eventually import eventually
from ments.errors import Permanent, Retryable
from ments.jobs import Bindings, JobContext, JobQueues, QueuedJob, task
from ments.jobs.process import work
from ments.jobs.queue import KEPT_FAILED
from valkey_server import ValkeyServer


@dataclass(frozen=True)
class Asked:
    what: str
    opts: dict[str, str] = field(default_factory=dict)


@dataclass
class Seen:
    """What the tasks of one test did; it stands in the place of the parts."""

    at: list[float] = field(default_factory=list)
    attempts: list[tuple[int, bool]] = field(default_factory=list)
    events: list[Asked] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    fail: Callable[[int], Exception | None] = lambda attempt: None
    takes_s: float = 0.0


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


BINDINGS = Bindings({Asked: (ask, transcode)})


def _job(name: str = "ask", payload: object = None, queue: str = "default") -> QueuedJob:
    return QueuedJob(str(uuid4()), queue, name, {"what": "x"} if payload is None else payload, 3, 2.0)


@asynccontextmanager
async def _working(
    valkey_server: ValkeyServer, seen: Seen, queues: Sequence[str] = ("default",), drain_s: float = 2.0
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    running = asyncio.create_task(
        work(
            dict.fromkeys(queues, 4),
            redis_url=valkey_server.url,
            bindings=BINDINGS,
            parts=seen,
            stop=stop,
            drain_s=drain_s,
        )
    )
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(drain_s + 8):
            await running


async def _state(queues: JobQueues, within_s: float = 5.0, **wanted: int) -> None:
    """Wait until the default queue counts like this."""

    async def counted() -> bool:
        counts = (await queues.count_jobs(("default",)))["default"]
        return all(counts[state] == jobs for state, jobs in wanted.items())

    await eventually(counted, within_s=within_s)


async def _stored(valkey_server: ValkeyServer, job_id: str, queue: str = "default") -> dict[str, str]:
    async with Redis.from_url(valkey_server.url, decode_responses=True) as client:
        return await client.hgetall(f"bull:{queue}:{job_id}")


async def test_runs_at_0_2_and_6_seconds_then_is_kept_with_its_error(
    queues: JobQueues, valkey_server: ValkeyServer
) -> None:
    seen = Seen(fail=lambda attempt: Retryable(f"The disk is full, try {attempt}. postgresql://u:hunter2@h/x"))
    async with _working(valkey_server, seen):
        job = _job()
        started = time.monotonic()
        await queues.add([job])
        await _state(queues, within_s=12, failed=1)
    # Never early; late by what a loaded machine needs.
    first, second, third = (at - started for at in seen.at)
    assert first < 1
    assert 1.9 < second - first < 3
    assert 3.9 < third - second < 5
    assert seen.attempts == [(1, False), (2, False), (3, True)]
    stored = await _stored(valkey_server, job.job_id)
    assert stored["failedReason"].startswith("The disk is full, try 3.")
    assert len(json.loads(stored["stacktrace"])) == 3
    assert "hunter2" not in json.dumps(stored)


async def test_permanent_is_run_once(queues: JobQueues, valkey_server: ValkeyServer) -> None:
    seen = Seen(fail=lambda attempt: Permanent("This file is no video."))
    async with _working(valkey_server, seen):
        job = _job()
        await queues.add([job])
        await _state(queues, failed=1)
        await asyncio.sleep(0.3)
    assert len(seen.at) == 1
    assert (await _stored(valkey_server, job.job_id))["failedReason"] == "This file is no video."


async def test_failed_jobs_are_kept_up_to_a_bound(
    queues: JobQueues, valkey_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that is never evicted holds them: without a bound a member's bad files would fill it."""
    monkeypatch.setitem(KEPT_FAILED, "count", 5)
    seen = Seen(fail=lambda attempt: Permanent("This file is no video."))
    jobs = [_job() for _ in range(12)]
    async with _working(valkey_server, seen):
        await queues.add(jobs)
        await eventually(lambda: len(seen.at) == len(jobs))
        await _state(queues, failed=5, waiting=0, active=0)
    kept = [bool(await _stored(valkey_server, job.job_id)) for job in jobs]
    assert kept.count(True) == 5


async def test_unknown_task_and_unfit_payload_fail_with_their_cause(
    queues: JobQueues, valkey_server: ValkeyServer
) -> None:
    seen = Seen()
    jobs = [_job("no_such_task"), _job(payload={"what": 7}), _job(payload=[1, 2]), _job(payload={})]
    async with _working(valkey_server, seen):
        await queues.add(jobs)
        await _state(queues, failed=4)
        good = _job()
        await queues.add([good])
        await _state(queues, completed=1)
    reasons = [(await _stored(valkey_server, job.job_id))["failedReason"] for job in jobs]
    assert "no task 'no_such_task'" in reasons[0]
    assert all("does not fit Asked" in reason for reason in reasons[1:])
    assert "`$.what`" in reasons[1]


async def test_a_job_that_ended_too_many_workers_is_not_run_again(
    queues: JobQueues, valkey_server: ValkeyServer
) -> None:
    seen = Seen()
    poison = _job()
    await queues.add([poison])
    async with Redis.from_url(valkey_server.url, decode_responses=True) as client:
        # What the look for stalled jobs writes down when a job was taken back more often than is allowed.
        await client.hset(f"bull:default:{poison.job_id}", "defa", "job stalled more than allowable limit")
    async with _working(valkey_server, seen):
        await _state(queues, failed=1)
    assert seen.at == []
    assert "stalled" in (await _stored(valkey_server, poison.job_id))["failedReason"]


async def test_a_plain_producer_needs_no_outbox_row_and_gets_the_retries_of_the_task(
    queues: JobQueues, valkey_server: ValkeyServer
) -> None:
    """What Node's `queue.add("transcode", {key, opts})` leaves: no attempts, no backoff, ids that are numbers."""
    seen = Seen(fail=lambda attempt: RuntimeError("first") if attempt == 1 else None)
    plain = Queue("media", {"connection": Redis.from_url(valkey_server.url, decode_responses=True)})
    async with _working(valkey_server, seen, queues=("media",)):
        await plain.add("transcode", {"what": "posts/1/original.mp4", "opts": {"postId": "1"}, "more": 1})
        # The first run is cancelled from within, which must not end the worker either.
        await eventually(lambda: len(seen.attempts) == 2)
    await plain.client.aclose()
    assert seen.attempts == [(1, False), (2, False)]
    assert seen.events[0] == Asked("posts/1/original.mp4", {"postId": "1"})


async def test_an_idle_worker_is_not_deaf(queues: JobQueues, valkey_server: ValkeyServer) -> None:
    """redis-py's timeout of 5 s equals the blocking wait of an idle worker, which is deaf for a while after it.

    Each job begins the wait anew, so the next one comes a little after the wait has ended.
    """
    seen = Seen()
    async with _working(valkey_server, seen):
        await queues.add([_job()])
        await eventually(lambda: len(seen.at) == 1)
        for n, idle_s in enumerate((5.2, 5.4, 5.6), start=2):
            await asyncio.sleep(idle_s)
            added = time.monotonic()
            await queues.add([_job()])
            await eventually(lambda n=n: len(seen.at) == n)
            assert seen.at[-1] - added < 0.5


async def test_a_restart_of_valkey_does_not_end_a_worker(queues: JobQueues, valkey_server: ValkeyServer) -> None:
    seen = Seen()
    async with _working(valkey_server, seen):
        await queues.add([_job()])
        await eventually(lambda: len(seen.at) == 1)
        valkey_server.kill()
        await asyncio.sleep(2)
        valkey_server.start()
        await queues.add([_job() for _ in range(20)])
        await eventually(lambda: len(seen.at) == 21, within_s=6)
        await _state(queues, completed=21)
    assert len(seen.at) == 21


async def test_a_worker_may_start_before_valkey(queues: JobQueues, valkey_server: ValkeyServer) -> None:
    seen = Seen()
    valkey_server.kill()
    async with _working(valkey_server, seen):
        await asyncio.sleep(1)
        valkey_server.start()
        await queues.add([_job()])
        await eventually(lambda: len(seen.at) == 1)


async def test_stop_finishes_what_runs(queues: JobQueues, valkey_server: ValkeyServer) -> None:
    seen = Seen(takes_s=1.0)
    async with _working(valkey_server, seen, drain_s=5.0):
        await queues.add([_job(), _job()])
        await eventually(lambda: len(seen.at) == 2)
        before = time.monotonic()
    assert time.monotonic() - before < 2.5
    assert seen.ended == ["done", "done"]
    await _state(queues, completed=2, active=0)


async def test_stop_hands_back_what_takes_too_long(queues: JobQueues, valkey_server: ValkeyServer) -> None:
    seen = Seen(takes_s=60.0)
    async with _working(valkey_server, seen, drain_s=0.5):
        await queues.add([_job()])
        await eventually(lambda: len(seen.at) == 1)
        before = time.monotonic()
    assert time.monotonic() - before < 3
    assert seen.ended == ["cancelled"]
    # At once by the next worker, and as the first attempt still.
    seen.takes_s = 0.0
    async with _working(valkey_server, seen):
        await eventually(lambda: len(seen.at) == 2, within_s=3)
        await _state(queues, completed=1)
    assert seen.attempts == [(1, False), (1, False)]


@pytest.mark.parametrize("delay_ms", [300, 1200])
async def test_short_delays_are_kept(queues: JobQueues, valkey_server: ValkeyServer, delay_ms: int) -> None:
    seen = Seen()
    plain = Queue("default", {"connection": Redis.from_url(valkey_server.url, decode_responses=True)})
    async with _working(valkey_server, seen):
        await asyncio.sleep(0.3)
        added = time.monotonic()
        await plain.add("ask", {"what": "later"}, {"delay": delay_ms})
        await eventually(lambda: len(seen.at) == 1)
    await plain.client.aclose()
    assert delay_ms / 1000 - 0.05 < seen.at[0] - added < delay_ms / 1000 + 0.35
