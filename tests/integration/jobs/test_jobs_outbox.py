"""Rows and jobs: what commits is run, what rolls back is not, and the sender never holds up a request."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from job_world import JobWorld

from eventually import eventually
from ments.jobs import Bindings, JobContext, JobsError, Outbox, task
from ments.observe import current_trace_id, trace_from
from sending import PATIENCE_S, open_patient_outbox


@dataclass(frozen=True)
class Greeted:
    name: str
    account_id: UUID | None = None


@dataclass(frozen=True)
class Unbound:
    name: str


@task(queue="default", name="greet")
async def greet(parts: None, job: JobContext, event: Greeted) -> None: ...


@task(queue="media", name="picture", account_of=lambda event: event.account_id)
async def picture(parts: None, job: JobContext, event: Greeted) -> None: ...


BINDINGS = Bindings({Greeted: (greet, picture)})


@pytest_asyncio.fixture
async def outbox(world: JobWorld) -> AsyncIterator[Outbox]:
    outbox = Outbox(world.primary, world.queues, BINDINGS)
    yield outbox
    await outbox.aclose()


async def _rows(world: JobWorld, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    return [row for row in await world.rows() if row["id"] in ids]


async def test_a_commit_enqueues_each_bound_task(world: JobWorld, outbox: Outbox) -> None:
    account_id = uuid4()
    with trace_from(None, "test"):
        trace_id = current_trace_id()
        async with world.primary.transaction() as tx:
            ids = await outbox.emit(tx, Greeted("Ada", account_id))
            assert (await world.queues.count_jobs())["default"]["waiting"] == 0
    await world.counts(waiting=1)
    payload = {"name": "Ada", "account_id": str(account_id)}
    rows = await _rows(world, ids)
    assert {(row["queue"], row["task"], row["account_id"]) for row in rows} == {
        ("default", "greet", None),
        ("media", "picture", account_id),
    }
    assert all(row["payload"] == payload and trace_id in row["traceparent"] for row in rows)
    entry = await world.entry(f"{ids[0]}-1")
    assert entry["name"] == "greet"
    assert trace_id in entry["opts"]
    assert '"attempts":3' in entry["opts"]
    assert '"delay":2000' in entry["opts"]

    async def all_queued() -> bool:
        return all(row["state"] == "queued" for row in await _rows(world, ids))

    await eventually(all_queued)


async def test_a_rollback_leaves_nothing(world: JobWorld, outbox: Outbox) -> None:
    ids: list[UUID] = []

    async def fail() -> None:
        async with world.primary.transaction() as tx:
            ids.extend(await outbox.emit(tx, Greeted("Ada")))
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await fail()
    assert len(ids) == 2
    assert await _rows(world, ids) == []
    assert (await world.queues.count_jobs())["default"]["waiting"] == 0


async def test_an_event_without_binding_a_huge_one_and_a_foreign_one_are_refused(
    world: JobWorld, outbox: Outbox
) -> None:
    with pytest.raises(JobsError, match="Unbound"):
        async with world.primary.transaction() as tx:
            await outbox.emit(tx, Unbound("x"))
    with pytest.raises(JobsError, match="bytes"):
        async with world.primary.transaction() as tx:
            await outbox.emit(tx, Greeted("x" * 70_000))
    with pytest.raises(JobsError, match="takes Greeted"):
        async with world.primary.transaction() as tx:
            await outbox.add(tx, greet, Unbound("x"))
    assert await world.rows() == []


async def test_later_takes_a_pause(world: JobWorld, outbox: Outbox) -> None:
    @dataclass
    class WithOutbox:
        outbox: Outbox

    async with world.primary.transaction() as tx:
        job_id = await greet.later(WithOutbox(outbox), tx, Greeted("Ada"), delay_s=60)
    await world.counts(delayed=1)
    row = await world.row(job_id)
    assert 55 < (row["due_at"] - row["accepted_at"]).total_seconds() < 65


async def test_many_at_once_are_one_statement_and_each_a_job(world: JobWorld, outbox: Outbox) -> None:
    async with world.primary.transaction() as tx:
        ids = await outbox.add_many(tx, greet, [Greeted(f"n{n}") for n in range(250)])
    await world.counts(waiting=250)
    assert len(set(ids)) == 250


async def test_a_job_is_accepted_while_valkey_is_away(world: JobWorld, outbox: Outbox) -> None:
    world.valkey_server.kill()
    ids = await _emit_twice(world, outbox)
    await outbox.aclose()
    assert [row["state"] for row in await _rows(world, ids)] == ["accepted"] * 4


async def test_a_valkey_that_does_not_answer_costs_a_request_nothing(world: JobWorld) -> None:
    """Whoever waited for the sender would wait for as long as it does, which is so long here that no slow machine takes it."""
    async with open_patient_outbox(world.primary, world.valkey_server.url, BINDINGS) as outbox:
        world.valkey_server.freeze()
        started = time.monotonic()
        ids = await _emit_twice(world, outbox)
        assert time.monotonic() - started < PATIENCE_S / 2
        assert [row["state"] for row in await _rows(world, ids)] == ["accepted"] * 4
        world.valkey_server.thaw()
        # It did try, all the time.
        await world.counts(waiting=2)


async def _emit_twice(world: JobWorld, outbox: Outbox) -> tuple[UUID, ...]:
    async with world.primary.transaction() as tx:
        ids = await outbox.emit(tx, Greeted("Ada"))
    async with world.primary.transaction() as tx:
        return ids + await outbox.emit(tx, Greeted("Bob"))
