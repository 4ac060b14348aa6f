"""Workers that freeze beyond their lease, and jobs that kill whoever runs them."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from fault_books import Books
from fault_fleet import Fleet

from eventually import eventually

_LATE_S = 3.0
_RERUN_S = 40.0


@pytest.mark.timeout(240)
async def test_late_writes_of_a_frozen_worker_change_nothing(
    fleet: Fleet, books: Books, jobs: int, recovery: Any
) -> None:
    fleet.relay()
    frozen = fleet.work()
    # Short ones when there are many: what comes back stands behind all that waits, which is not what is measured.
    fleet.produce("EffectAsked", "frozen", jobs, pause_s=2 / jobs, takes_s=min(0.5, 60 / jobs))
    await books.until("select count(*) > 3 from fault_runs where pid = %(pid)s", within_s=30, pid=frozen.pid)
    hit = books.now()
    frozen.send(signal.SIGSTOP)
    others = [fleet.work(), fleet.work()]
    await books.settle("frozen", jobs, within_s=60 + jobs / 10)
    taken = books.value(
        "select count(*) from fault_effects e join fault_runs r using (id) "
        "where r.pid = %(pid)s and e.pid <> r.pid and e.batch = 'frozen'",
        pid=frozen.pid,
    )
    assert taken > 0, "it was frozen while it ran nothing"
    seconds = books.seconds_until_rerun("frozen", frozen.pid, hit)
    assert recovery.note("worker_frozen", seconds, "SIGSTOP until the last of its jobs runs elsewhere") < _RERUN_S
    frozen.send(signal.SIGCONT)
    await asyncio.sleep(_LATE_S)
    await books.settle("frozen", jobs, within_s=10)
    # It has noticed, and is of use again.
    assert frozen.process.poll() is None
    for other in others:
        await asyncio.to_thread(other.terminate)
    fleet.produce("EffectAsked", "thawed", 5)
    await books.settle("thawed", 5, within_s=30)
    await books.close()
    by_it = books.value("select count(*) from fault_effects where batch = 'thawed' and pid = %(pid)s", pid=frozen.pid)
    assert by_it == 5


@pytest.mark.timeout(240)
async def test_a_worker_frozen_inside_its_transaction_delays_only_that_job(
    fleet: Fleet, books: Books, jobs: int, recovery: Any
) -> None:
    """It holds a lock on its job's row, and on nothing else, until Postgres ends its idle transaction."""
    fleet.relay()
    frozen = fleet.work()
    trouble = {"at": "inside", "number": int(signal.SIGSTOP), "runs": 1}
    # Eight at once, for 7 s and more: so it has neighbours of that job at hand when it is frozen.
    fleet.produce("EffectAsked", "locked-others", jobs, pause_s=2 / jobs, takes_s=min(1.0, 60 / jobs))
    await books.until("select exists (select from fault_runs where batch = 'locked-others')", within_s=30)
    fleet.produce("EffectAsked", "locked", 1, takes_s=0.5, trouble=trouble)
    await eventually(frozen.is_stopped, within_s=30)
    hit = books.now()
    fleet.work()
    await books.settle("locked-others", jobs, within_s=60 + jobs / 10)
    seconds = books.seconds_until_rerun("locked-others", frozen.pid, hit)
    assert seconds > 0, "it ran nothing else"
    assert recovery.note("worker_frozen_in_transaction", seconds, "until its neighbours run elsewhere") < _RERUN_S
    await books.settle("locked", 1, within_s=90)
    frozen.kill()
    await books.close()
    assert books.value("select lease from fault_effects where batch = 'locked'") > 1


@pytest.mark.timeout(240)
async def test_a_job_that_kills_its_worker_each_time_is_poison(
    fleet: Fleet, books: Books, jobs: int, recovery: Any
) -> None:
    fleet.relay()
    trouble = {"at": "before", "number": int(signal.SIGKILL), "runs": 99}
    async with fleet.keep(2):
        fleet.produce("EffectAsked", "poison", 1, takes_s=0.3, trouble=trouble)
        fleet.produce("EffectAsked", "neighbours", jobs, pause_s=3 / jobs, takes_s=0.3)
        await books.until("select exists (select from fault_runs where batch = 'poison')", within_s=30)
        hit = books.now()
        await books.settle("neighbours", jobs, within_s=120)
        await books.settle("poison", 1, within_s=120, dead=1)
        await books.close()
        dead = books.rows("select * from jobs where payload ->> 'batch' = 'poison' and state = 'dead'")[0]
        assert (dead["code"], dead["crashes"], dead["attempts"]) == ("poison", 3, 0)
        # Whoever hung on it is told, once.
        await books.until("select count(*) = 1 from fault_deaths where job_id = %(id)s", within_s=30, id=dead["id"])
        seconds = (dead["finished_at"] - hit).total_seconds()
    recovery.note("poison", seconds, "first death until it is a dead letter")
    assert books.value("select count(*) from fault_runs where batch = 'poison'") == 3
