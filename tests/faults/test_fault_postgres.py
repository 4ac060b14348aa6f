"""Postgres and PgBouncer are restarted under way: jobs wait for them, and none dies for it."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from fault_books import Books
from fault_fleet import Fleet
from fault_pace import PACE
from fault_stores import FaultStores

_RECOVERED_S = 60.0

RESTARTS = {
    # "Immediate", by SIGQUIT, ends without a checkpoint; by SIGKILL it is a crash.
    "postgres-fast": ("postgres", signal.SIGINT),
    "postgres-immediate": ("postgres", signal.SIGQUIT),
    "postgres-killed": ("postgres", signal.SIGKILL),
    "pgbouncer": ("pgbouncer", signal.SIGTERM),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", RESTARTS)
async def test_a_restart_is_outlasted(
    stores: FaultStores, crew: Fleet, books: Books, jobs: int, recovery: Any, name: str
) -> None:
    store, number = RESTARTS[name]
    producer = crew.produce("EffectAsked", name, jobs, pause_s=2.5 / jobs, takes_s=0.2)
    crew.produce("StepsAsked", f"{name}-steps", 6, takes_s=0.2)
    await books.until(
        "select count(*) > %(some)s from fault_effects where batch = %(batch)s", within_s=30, batch=name, some=jobs // 4
    )
    hit = books.now()
    await stores.restart(store, number, away_s=1.0)
    back = books.now()
    await books.settle(name, jobs, within_s=60 + jobs / 10)
    await books.settle(f"{name}-steps", 6, within_s=60)
    await books.close()
    assert await asyncio.to_thread(producer.process.wait, 30) == 0
    acknowledged = set(producer.list_accepted())
    kept = {str(row["id"]) for row in books.rows("select id from fault_asked where batch = %(batch)s", batch=name)}
    # A commit whose answer was lost may be there too; one that was acknowledged must be.
    assert acknowledged <= kept
    assert len(acknowledged) == jobs
    failed = books.rows(
        "select task, code, cause, stacks from jobs where payload ->> 'batch' like %(batch)s and attempts > 0",
        batch=f"{name}%",
    )
    assert not failed, failed
    seconds = books.seconds_until_done(name, hit, back)
    assert recovery.note(f"{name}_restarted", seconds, "until all that had been accepted is done") < _RECOVERED_S


@pytest.mark.timeout(300)
async def test_postgres_away_beyond_the_leases_kills_no_job(
    stores: FaultStores, crew: Fleet, books: Books, jobs: int, recovery: Any
) -> None:
    """No heartbeat could be written for longer than a lease, and yet every worker was well."""
    crew.produce("EffectAsked", "away", jobs, pause_s=2 / jobs, takes_s=0.5)
    await books.until("select count(*) > 3 from fault_runs where batch = 'away'", within_s=30)
    hit = books.now()
    await stores.restart("postgres", signal.SIGINT, away_s=14.0 * PACE)
    back = books.now()
    await books.settle("away", jobs, within_s=90 + jobs / 10)
    await books.close()
    seconds = books.seconds_until_done("away", hit, back)
    assert recovery.note("postgres_away_14_s", seconds, "until all that had been accepted is done") < 2 * _RECOVERED_S
