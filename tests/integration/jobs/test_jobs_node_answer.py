"""What a task returns reaches the queue, also when it ended its job in a transaction some time before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from job_world import JobWorld

from ments.jobs import Bindings, JobContext, task
from ments.jobs.model import HEARTBEAT_S


@dataclass(frozen=True)
class Wanted:
    tidy_s: float


@task(queue="default", name="commit_early")
async def commit_early(parts: JobWorld, job: JobContext, event: Wanted) -> dict[str, int]:
    async with parts.primary.transaction() as tx:
        await job.commit(tx)
    await asyncio.sleep(event.tidy_s)
    return {"files": 2}


async def test_a_run_that_tidies_after_its_commit_is_not_taken_for_overtaken(world: JobWorld) -> None:
    async with world.working(Bindings({Wanted: (commit_early,)}), world):
        job_id = await world.accept("commit_early", {"tidy_s": 2.5 * HEARTBEAT_S})
        await world.becomes(job_id, "done")
        await world.counts(completed=1, within_s=15)
    entry = await world.entry(f"{job_id}-1")
    assert entry["returnvalue"] == '{"files":2}'
