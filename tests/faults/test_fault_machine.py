"""The whole machine dies at once, and comes back with an empty Valkey."""

from __future__ import annotations

import shutil
import signal
from typing import Any

import pytest
from fault_books import Books
from fault_fleet import Fleet
from fault_stores import FaultStores

_RECOVERED_S = 90.0


@pytest.mark.timeout(240)
async def test_everything_dies_at_once(
    stores: FaultStores, fleet: Fleet, books: Books, jobs: int, recovery: Any
) -> None:
    """Every process by SIGKILL, under way, and Valkey's data with it; then all is started again."""
    died = [fleet.relay(), fleet.work(), fleet.work()]
    died.append(fleet.produce("EffectAsked", "machine", jobs, takes_s=0.2))
    died.append(fleet.produce("FlakyAsked", "machine-flaky", jobs))
    await books.until(
        "select count(*) >= %(some)s from fault_asked where batch = 'machine'", within_s=30, some=jobs // 2
    )
    await books.until("select count(*) > 0 from fault_effects where batch = 'machine'", within_s=30)
    hit = books.now()
    for member in died:
        member.kill()
    for store in ("pgbouncer", "valkey", "postgres"):
        await stores.end(store, signal.SIGKILL)
    shutil.rmtree(stores.home.data("valkey"))
    for store in ("postgres", "valkey", "pgbouncer"):
        await stores.start(store)
    fleet.relay()
    fleet.work()
    fleet.work()
    seconds = 0.0
    for batch, producer in zip(("machine", "machine-flaky"), died[-2:], strict=True):
        acknowledged = set(producer.list_accepted())
        await books.settle(batch, len(acknowledged), within_s=90 + jobs / 10)
        kept = {str(row["id"]) for row in books.rows("select id from fault_asked where batch = %(batch)s", batch=batch)}
        assert acknowledged <= kept
        seconds = max(seconds, books.seconds_until_done(batch, hit))
    await books.close()
    assert recovery.note("everything_killed", seconds, "until all that had been accepted is done") < _RECOVERED_S
