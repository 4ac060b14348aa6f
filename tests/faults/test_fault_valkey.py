"""Valkey is killed, restarted, emptied, and stays away for a while, under way."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from fault_books import Books
from fault_fleet import Fleet
from fault_stores import FaultStores

_RECOVERED_S = 60.0
_RUNS = "select count(*) - count(distinct id) from fault_runs where batch = %(batch)s"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "restarted"])
async def test_valkey_ends_and_comes_back(
    stores: FaultStores, crew: Fleet, books: Books, jobs: int, recovery: Any, number: signal.Signals
) -> None:
    """By -9 the last second of its log may be missing."""
    batch = f"valkey-{number.name}"
    producer = crew.produce("EffectAsked", batch, jobs, pause_s=2.5 / jobs, takes_s=0.2)
    await books.until(
        "select count(*) > %(some)s from fault_effects where batch = %(batch)s",
        within_s=30,
        batch=batch,
        some=jobs // 4,
    )
    hit = books.now()
    await stores.restart("valkey", number, away_s=0.5)
    back = books.now()
    await _settle(books, batch, jobs, within_s=60 + jobs / 10)
    await books.close()
    assert producer.process.wait(30) == 0
    _check_runs(books, batch)
    seconds = books.seconds_until_done(batch, hit, back)
    assert recovery.note(batch, seconds, "until all that had been accepted is done") < _RECOVERED_S


@pytest.mark.timeout(240)
async def test_valkey_is_emptied(stores: FaultStores, crew: Fleet, books: Books, jobs: int, recovery: Any) -> None:
    # More than the workers can take at once: most are in the queue alone when it is emptied.
    producer = crew.produce("EffectAsked", "emptied", jobs, takes_s=min(0.5, 100 / jobs))
    crew.produce("StepsAsked", "emptied-steps", 8, takes_s=0.1)
    await books.until(
        "select count(*) > %(some)s from fault_asked where batch = 'emptied'", within_s=30, some=jobs // 2
    )
    await books.until("select count(*) > 0 from fault_runs where batch = 'emptied'", within_s=30)
    hit = books.now()
    stores.empty_valkey()
    await _settle(books, "emptied", jobs, within_s=60 + jobs / 10)
    await _settle(books, "emptied-steps", 8, within_s=60)
    await books.close()
    assert producer.process.wait(30) == 0
    _check_runs(books, "emptied")
    seconds = max(books.seconds_until_done(batch, hit) for batch in ("emptied", "emptied-steps"))
    assert recovery.note("valkey_emptied", seconds, "FLUSHALL until all that had been accepted is done") < _RECOVERED_S


@pytest.mark.timeout(240)
async def test_a_long_outage_is_caught_up_and_makes_no_duplicates(
    stores: FaultStores, crew: Fleet, books: Books, jobs: int, recovery: Any
) -> None:
    """Three relays that fail for seconds leave one entry a job, and what piled up is gone in a moment."""
    for _ in range(2):
        crew.relay()
    await stores.end("valkey", signal.SIGKILL)
    producer = crew.produce("EffectAsked", "outage", jobs)
    await books.until(
        "select count(*) >= %(jobs)s from fault_asked where batch = 'outage'", within_s=60 + jobs / 20, jobs=jobs
    )
    assert await asyncio.to_thread(producer.process.wait, 30) == 0
    await asyncio.sleep(3)
    await stores.start("valkey")
    hit = books.now()
    await _settle(books, "outage", jobs, within_s=60 + jobs / 20)
    await books.close()
    seconds = books.seconds_until_done("outage", hit)
    assert recovery.note("valkey_away", seconds, "its return until all that piled up is done") < _RECOVERED_S
    assert books.value("select max(generation) from jobs where payload ->> 'batch' = 'outage'") <= 2
    _check_runs(books, "outage")


async def _settle(books: Books, batch: str, jobs: int, *, within_s: float) -> None:
    await books.settle(batch, jobs, within_s=within_s)
    used = books.rows(
        "select sum(attempts) as attempts, sum(crashes) as crashes from jobs where payload ->> 'batch' = %(batch)s",
        batch=batch,
    )[0]
    assert (used["attempts"], used["crashes"]) == (0, 0)


def _check_runs(books: Books, batch: str) -> None:
    """No worker died, so no job had any reason to run twice."""
    assert books.value(_RUNS, batch=batch) == 0
