"""The books: what is shown as pending makes progress, and what nobody has is told with its cause."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from uuid import UUID, uuid4

import pytest
from bullmq import Queue
from job_world import JobWorld
from settled import settle

from ments.errors import Unavailable
from ments.jobs import Bindings, Outbox
from ments.jobs.entries import Entries
from ments.jobs.ledger import Ledger
from ments.jobs.ledger.books import Books
from ments.jobs.prove import books_lines, prove, prove_books, read_books
from ments.jobs.reconciler import Reconciler
from ments.jobs.relay import Relay
from ments.parts import Parts


async def _read(world: JobWorld) -> Books:
    return await read_books(world.primary, Entries(world.queues.client))


async def _queued(world: JobWorld) -> UUID:
    job_id = await world.accept("greet", {})
    await world.change(job_id, "state = 'queued'")
    return job_id


async def _running(world: JobWorld) -> UUID:
    job_id = await _queued(world)
    await Ledger(world.primary, "host-1").claim(job_id, 1, 60.0)
    return job_id


async def test_an_empty_ledger_balances(world: JobWorld) -> None:
    books = await _read(world)
    assert books.balanced
    assert books.accepted == books.pending == 0
    assert books_lines(books)[-1].startswith("balanced")


async def test_each_job_stands_in_one_column(world: JobWorld) -> None:
    await world.accept("greet", {}, send=False)
    await _queued(world)
    await _running(world)
    for state in ("done", "dead", "discarded"):
        job_id = await world.accept("greet", {}, queue="media", send=False)
        await world.change(job_id, f"state = '{state}', finished_at = clock_timestamp()")
    books = await _read(world)
    assert books.balanced
    assert (books.accepted, books.pending, books.done, books.dead, books.discarded) == (6, 3, 1, 1, 1)
    assert (books.queues["default"].accepted, books.queues["media"].accepted) == (3, 3)
    assert json.loads(json.dumps(asdict(books)))["queues"]["default"]["pending"] == 3


async def test_what_nobody_has_is_told_with_its_cause(world: JobWorld) -> None:
    await settle(world.primary)
    unsent = await world.accept("greet", {}, send=False)
    await world.change(unsent, "due_at = due_at - interval '31 seconds'")
    lost, ended, present = [await _queued(world) for _ in range(3)]
    await world.queues.client.delete(f"bull:default:{lost}-1")
    await world.queues.client.hset(f"bull:default:{ended}-1", "finishedOn", "1")
    silent, late = [await _running(world) for _ in range(2)]
    await world.change(silent, "heartbeat_at = clock_timestamp() - interval '20 seconds'")
    nowhere = await world.accept("greet", {}, queue="no_such_queue", send=False)
    books = await _read(world)
    assert not books.balanced
    assert (books.accepted, books.pending, books.unaccounted) == (7, 2, 5)
    causes = {cause.ids[0]: cause.cause for cause in books.causes if cause.ids}
    assert "no relay runs" in causes[str(unsent)]
    assert "missing" in causes[str(lost)]
    assert "ended" in causes[str(ended)]
    assert "host-1" in causes[str(silent)]
    assert not {str(present), str(late), str(nowhere)} & causes.keys()
    assert any("no such queue" in cause.cause for cause in books.causes)
    text = "\n".join(books_lines(books))
    assert "NOT balanced: nobody has 5" in text
    assert str(lost) in text
    # The run goes on far past its time, although its worker is heard.
    await world.change(late, "deadline_at = clock_timestamp() - interval '31 seconds'")
    assert (await _read(world)).unaccounted == 6


async def test_a_relay_that_lives_accounts_for_what_is_unsent(world: JobWorld) -> None:
    unsent = await world.accept("greet", {}, send=False)
    await world.change(unsent, "due_at = due_at - interval '31 seconds'")
    entries = Entries(world.queues.client)
    await entries.read_epoch()
    books = await _read(world)
    assert (books.balanced, books.pending) == (True, 1)
    (cause,) = books.causes
    assert (cause.is_accounted, cause.jobs) == (True, 1)


async def test_what_waits_for_a_worker_is_pending_with_a_cause(world: JobWorld) -> None:
    job_id = await _queued(world)
    await world.change(job_id, "due_at = due_at - interval '61 seconds'")
    books = await _read(world)
    assert books.balanced
    assert "No worker takes" in books.causes[0].cause


async def test_a_valkey_that_is_away_is_a_cause(world: JobWorld) -> None:
    await _queued(world)
    await _running(world)
    world.valkey_server.kill()
    books = await _read(world)
    assert (books.unaccounted, books.pending) == (1, 1)
    assert "Valkey does not answer" in books.causes[0].cause


async def test_entries_without_a_row_are_told_of(world: JobWorld) -> None:
    foreign = Queue("media", {"connection": world.queues.client})
    await foreign.add("transcode", {"key": "posts/1/original.mp4"})
    stray = await _queued(world)
    async with world.primary.transaction() as tx:
        await tx.connection.execute("delete from jobs where id = %s", [stray])
    books = await _read(world)
    assert books.balanced
    assert (books.foreign, books.queues["media"].foreign) == (1, 1)
    assert [(cause.queue, cause.state, cause.jobs) for cause in books.causes] == [("default", "entry", 1)]
    assert "wait to be adopted" in "\n".join(books_lines(books))


async def test_it_waits_for_the_reconciler(world: JobWorld) -> None:
    await _queued(world)
    await world.queues.client.flushall()
    relay = Relay(world.primary, world.queues)
    stop = asyncio.Event()
    outbox = Outbox(world.primary, world.queues, Bindings({}))
    mending = asyncio.create_task(Reconciler(world.primary, world.queues, outbox, relay, Bindings({})).run(stop))
    sending = asyncio.create_task(relay.run(stop))
    books = await prove_books(world.primary, Entries(world.queues.client), wait_s=60)
    stop.set()
    await asyncio.gather(mending, sending)
    assert (books.balanced, books.pending) == (True, 1)


async def test_a_hundred_thousand_rows_take_seconds(world: JobWorld) -> None:
    async with world.primary.transaction() as tx:
        await tx.connection.execute("set local statement_timeout = 60000")
        await tx.connection.execute(
            "insert into jobs (id, queue, task, payload, attempts_max, backoff_s, state, due_at)"
            " select gen_random_uuid(), 'default', 'greet', '{}', 3, 2,"
            " (array['done', 'done', 'accepted', 'queued', 'queued'])[1 + n %% 5], clock_timestamp()"
            " from generate_series(1, %s) as n",
            [100_000],
        )
    async with asyncio.timeout(120):
        books = await _read(world)
    assert (books.accepted, books.done, books.unaccounted) == (100_000, 40_000, 40_000)


async def test_the_command_over_the_real_stack(parts: Parts) -> None:
    books = await asyncio.to_thread(prove, parts.settings, 0)
    assert books.balanced
    books = Books(accepted=1, unaccounted=1, balanced=False)
    assert "NOT balanced" in books_lines(books)[-1]


async def test_a_postgres_that_is_away_is_an_error(parts: Parts) -> None:
    from dataclasses import replace

    away = replace(parts.settings, database_url=f"postgresql://u:p@127.0.0.1:9/{uuid4().hex}")
    with pytest.raises(Unavailable, match="Postgres does not answer"):
        await asyncio.to_thread(prove, away, 0)
