"""Workers die by SIGKILL in mid-job, at every point of the effect's transaction, and leave by SIGTERM: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import aclosing
from datetime import datetime
from typing import Any

import pytest
from fault_books import Books
from fault_fleet import Fleet, Member
from fault_stores import FaultStores

from ments.jobs import JobQueues

# The asked 15 s are a figure of `make test-faults`; a machine that others load may take its time.
_RERUN_S = 40.0

_HAS_OPEN_RUN = """
select exists (select from fault_runs r where r.pid = %(pid)s and r.batch = 'killed'
  and not exists (select from fault_effects e where e.id = r.id and e.lease >= r.lease))
"""


@pytest.mark.timeout(400)
async def test_workers_are_killed_in_mid_job_again_and_again(
    fleet: Fleet, books: Books, jobs: int, recovery: Any
) -> None:
    fleet.relay()
    workers = [fleet.work() for _ in range(3)]
    # The workers are busy and keep up: what is measured is no queue before them.
    fleet.produce("EffectAsked", "killed", jobs, pause_s=max(3 / jobs, 0.02), takes_s=0.25)
    fleet.produce("FlakyAsked", "killed-flaky", jobs // 4, pause_s=max(12 / jobs, 0.05))
    victims = []
    for _ in range(3):
        victim = workers.pop(0)
        victims.append((victim, await kill_in_mid_job(books, victim)))
        workers.append(fleet.work())
    await books.settle("killed", jobs, within_s=60 + jobs / 10)
    await books.settle("killed-flaky", jobs // 4, within_s=60)
    await books.close()
    slowest = max(books.seconds_until_rerun("killed", victim.pid, hit) for victim, hit in victims)
    assert slowest > 0, "none was killed in mid-job"
    assert recovery.note("worker_killed", slowest, "SIGKILL until the last of its jobs runs again") < _RERUN_S
    attempts = books.rows(
        "select task, attempts, count(*) as jobs from jobs where payload ->> 'batch' like 'killed%%' group by 1, 2"
    )
    # A death uses no attempt up; what fails by itself once, fails once.
    assert {(row["task"], row["attempts"]) for row in attempts} == {("effect", 0), ("flaky", 1)}


async def kill_in_mid_job(books: Books, victim: Member) -> datetime:
    """Kill a worker that has a job of the batch at hand; returns when. Frozen first: else it may end what it was seen with."""
    deadline = time.monotonic() + 30
    while True:
        await books.until(_HAS_OPEN_RUN, within_s=30, pid=victim.pid)
        victim.send(signal.SIGSTOP)
        if books.value(_HAS_OPEN_RUN, pid=victim.pid):
            hit = books.now()
            victim.kill()
            return hit
        victim.send(signal.SIGCONT)
        assert time.monotonic() < deadline, "it ends each job before it can be killed"


@pytest.mark.timeout(240)
async def test_death_at_every_point_of_the_effect(fleet: Fleet, books: Books, jobs: int) -> None:
    """Before the transaction, inside it after `job.commit`, and between its commit and the queue's being told."""
    fleet.relay()
    for at in ("before", "inside", "after"):
        trouble = {"at": at, "number": int(signal.SIGKILL), "runs": 1}
        fleet.produce("EffectAsked", f"point-{at}", 1, takes_s=0.5, trouble=trouble)
    fleet.produce("EffectAsked", "point-others", jobs, takes_s=0.1)
    # One job at a time, so that a death is nobody's but the job's own.
    async with fleet.keep(4, slots={"default": 1}):
        for at in ("before", "inside", "after"):
            await books.settle(f"point-{at}", 1, within_s=90)
        await books.settle("point-others", jobs, within_s=90)
        await books.close()
    leases = books.rows(
        "select batch, lease from fault_effects where batch like 'point-%%' and batch <> 'point-others'"
    )
    found = {row["batch"]: row["lease"] for row in leases}
    # What had been committed was not done again.
    assert found["point-after"] == 1
    assert found["point-before"] > 1
    assert found["point-inside"] > 1


@pytest.mark.timeout(200)
async def test_a_deploy_in_the_middle_hands_back(fleet: Fleet, books: Books, jobs: int, recovery: Any) -> None:
    """SIGTERM to each worker in turn: no attempt is used up, no finished step is run again, no lease is waited for."""
    fleet.relay()
    old = [fleet.work(drain_s=0.3) for _ in range(2)]
    fleet.produce("StepsAsked", "deploy-steps", 6, takes_s=0.5)
    fleet.produce("EffectAsked", "deploy", jobs, pause_s=3 / jobs, takes_s=0.3)
    await books.until("select count(*) >= 3 from fault_steps where batch = 'deploy-steps' and finished", within_s=30)
    for worker in old:
        fleet.work()
        hit = books.now()
        assert await asyncio.to_thread(worker.terminate) == 0
    await books.settle("deploy-steps", 6, within_s=60)
    await books.settle("deploy", jobs, within_s=60)
    await books.close()
    used = books.rows(
        "select sum(attempts) as attempts, sum(crashes) as crashes, max(lease) as leases "
        "from jobs where payload ->> 'batch' like 'deploy%%'"
    )[0]
    assert (used["attempts"], used["crashes"]) == (0, 0)
    assert used["leases"] > 1, "nothing was handed back"
    assert not books.rows(
        "select * from fault_steps f join fault_steps again using (id, step) "
        "where f.finished and not again.finished and again.lease > f.lease"
    )
    seconds = books.seconds_until_rerun("deploy-steps", old[-1].pid, hit)
    how = "SIGTERM until the last job handed back runs again"
    assert recovery.note("worker_terminated", seconds, how) < _RERUN_S
    assert all(_is_gone(worker) for worker in old)


@pytest.mark.timeout(200)
async def test_a_worker_that_leaves_keeps_nothing(stores: FaultStores, fleet: Fleet, books: Books, jobs: int) -> None:
    """SIGTERM amid a stream of short jobs, so that some are being fetched, or claimed, at that moment."""
    fleet.relay()
    asked, each = 0, max(jobs // 3, 200)
    async with aclosing(JobQueues(stores.redis_url)) as queues:
        for _ in range(3):
            # Jobs of its own for each: however slow the machine is, the one before cannot leave it without any.
            fleet.produce("EffectAsked", "leaving", each, takes_s=0.03)
            asked += each
            worker = fleet.work()
            await books.until("select count(*) > 16 from fault_runs where pid = %(pid)s", within_s=30, pid=worker.pid)
            assert await asyncio.to_thread(worker.terminate) == 0
            assert books.value("select count(*) from jobs where state = 'running'") == 0
            assert (await queues.count_jobs())["default"]["active"] == 0
    fleet.work()
    await books.settle("leaving", asked, within_s=60 + asked / 10)
    await books.close()
    assert books.value("select sum(crashes) from jobs where payload ->> 'batch' = 'leaving'") == 0


def _is_gone(worker: Member) -> bool:
    return worker.process.poll() == 0
