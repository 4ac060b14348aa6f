"""Rows and jobs: what commits is run, what rolls back is not, what the hook missed the relay sends, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from eventually import eventually
from ments.jobs import Bindings, JobContext, JobQueues, JobsError, Outbox, task
from ments.jobs.relay import Relay, prune_outbox
from ments.observe import current_trace_id, trace_from
from ments.parts import Parts
from valkey_server import ValkeyServer


@dataclass(frozen=True)
class Greeted:
    name: str


@dataclass(frozen=True)
class Unbound:
    name: str


@task(queue="default", name="greet")
async def greet(parts: None, job: JobContext, event: Greeted) -> None: ...


@task(queue="media", name="picture")
async def picture(parts: None, job: JobContext, event: Greeted) -> None: ...


BINDINGS = Bindings({Greeted: (greet, picture)})


async def _rows(parts: Parts, ids: Sequence[str]) -> list[dict[str, Any]]:
    async with parts.primary.session() as session:
        found = await session.connection.execute("select * from outbox where job_id = any(%s) order by id", [list(ids)])
        return await found.fetchall()


async def _all_sent(parts: Parts, ids: Sequence[str]) -> bool:
    return all(row["sent_at"] for row in await _rows(parts, ids))


async def _make_older(parts: Parts, seconds: int = 2) -> None:
    """Let the relay see rows at once."""
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "update outbox set created_at = created_at - make_interval(secs => %s) where sent_at is null", [seconds]
        )


async def _stored(valkey_server: ValkeyServer, queue: str, job_id: str) -> dict[str, str]:
    async with Redis.from_url(valkey_server.url, decode_responses=True) as client:
        return await client.hgetall(f"bull:{queue}:{job_id}")


async def test_a_commit_enqueues_each_bound_task(parts: Parts, queues: JobQueues, valkey_server: ValkeyServer) -> None:
    outbox = Outbox(parts.primary, queues, BINDINGS)
    with trace_from(None, "test"):
        trace_id = current_trace_id()
        async with parts.primary.transaction() as tx:
            ids = await outbox.emit(tx, Greeted("Ada"))
            assert (await queues.count_jobs())["default"]["waiting"] == 0
    rows = await _rows(parts, ids)
    assert [(row["queue"], row["task"], row["payload"]) for row in rows] == [
        ("default", "greet", {"name": "Ada"}),
        ("media", "picture", {"name": "Ada"}),
    ]
    assert all(row["sent_at"] for row in rows)
    assert all(trace_id in row["trace"]["traceparent"] for row in rows)
    stored = await _stored(valkey_server, "default", ids[0])
    assert (stored["name"], stored["data"]) == ("greet", '{"name":"Ada"}')
    assert trace_id in stored["opts"]
    assert '"attempts":3' in stored["opts"]
    assert '"delay":2000' in stored["opts"]


async def test_a_rollback_leaves_nothing(parts: Parts, queues: JobQueues) -> None:
    outbox = Outbox(parts.primary, queues, BINDINGS)
    ids: list[str] = []

    async def fail() -> None:
        async with parts.primary.transaction() as tx:
            ids.extend(await outbox.emit(tx, Greeted("Ada")))
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await fail()
    assert len(ids) == 2
    assert await _rows(parts, ids) == []
    assert (await queues.count_jobs())["default"]["waiting"] == 0


async def test_an_event_without_binding_and_a_huge_one_are_refused(parts: Parts, queues: JobQueues) -> None:
    outbox = Outbox(parts.primary, queues, BINDINGS)
    with pytest.raises(JobsError, match="Unbound"):
        async with parts.primary.transaction() as tx:
            await outbox.emit(tx, Unbound("x"))
    with pytest.raises(JobsError, match="bytes"):
        async with parts.primary.transaction() as tx:
            await outbox.emit(tx, Greeted("x" * 70_000))


async def test_valkey_away_costs_a_second_and_the_relay_sends_later(
    parts: Parts, queues: JobQueues, valkey_server: ValkeyServer
) -> None:
    outbox = Outbox(parts.primary, queues, BINDINGS)
    valkey_server.kill()
    started = time.monotonic()
    async with parts.primary.transaction() as tx:
        ids = await outbox.emit(tx, Greeted("Ada"))
    async with parts.primary.transaction() as tx:
        ids += await outbox.emit(tx, Greeted("Bob"))
    assert time.monotonic() - started < 1.5
    assert all(row["sent_at"] is None for row in await _rows(parts, ids))

    stop = asyncio.Event()
    relay = asyncio.create_task(Relay(parts.primary, queues, BINDINGS).run(stop))
    await asyncio.sleep(1.5)
    valkey_server.start()
    await eventually(lambda: _all_sent(parts, ids), within_s=6)
    stop.set()
    await relay
    counts = await queues.count_jobs()
    assert (counts["default"]["waiting"], counts["media"]["waiting"]) == (2, 2)


async def test_two_relays_and_a_crash_before_the_mark_make_no_second_job(parts: Parts, queues: JobQueues) -> None:
    async with parts.primary.transaction() as tx:
        # As if the process had died right after the commit.
        outbox = Outbox(parts.primary, queues, BINDINGS)
        ids = [job_id for n in range(150) for job_id in await outbox.emit(tx, Greeted(f"n{n}"))]
        tx._after_commit.clear()
    await _make_older(parts)
    first, second = (Relay(parts.primary, queues, BINDINGS) for _ in range(2))
    sent = await asyncio.gather(first.send_batch(), second.send_batch())
    assert sum(sent) == 300
    assert (await queues.count_jobs())["default"]["waiting"] == 150
    # Enqueued, but not marked: a relay killed between the two.
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update outbox set sent_at = null where job_id = any(%s)", [ids])
    assert await first.send_batch() + await second.send_batch() == 300
    assert (await queues.count_jobs())["default"]["waiting"] == 150
    assert await first.send_batch() == 0


async def test_old_sent_rows_are_pruned_and_unsent_ones_never(parts: Parts, queues: JobQueues) -> None:
    outbox = Outbox(parts.primary, queues, BINDINGS)
    async with parts.primary.transaction() as tx:
        old = await outbox.emit(tx, Greeted("old"))
    async with parts.primary.transaction() as tx:
        new = await outbox.emit(tx, Greeted("new"))
    async with parts.primary.transaction() as tx:
        unsent = await outbox.emit(tx, Greeted("unsent"))
        tx._after_commit.clear()
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "update outbox set sent_at = sent_at - interval '8 days', created_at = created_at - interval '8 days'"
            " where job_id = any(%s)",
            [list(old + unsent)],
        )
    await prune_outbox(parts.primary)
    assert await _rows(parts, old) == []
    assert len(await _rows(parts, new)) == len(await _rows(parts, unsent)) == 2
