"""The queues, for those who add jobs to them and those who count them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from bullmq import Queue
from redis.asyncio import Redis

from ments.jobs.connection import connect_producer
from ments.jobs.model import QUEUES, QueuedJob

STATES = ("waiting", "active", "delayed", "prioritized", "completed", "failed")
# For producers that wait for a result, and for the eye: what was done, and what died, stands in the ledger. Bounded, since
# it lies in memory that is never evicted.
KEPT_COMPLETED: dict[str, int] = {"age": 24 * 3600, "count": 2_000}
KEPT_FAILED: dict[str, int] = {"age": 7 * 24 * 3600, "count": 2_000}


class JobQueues:
    """Adds jobs to Valkey and looks at what is there. One a process; connects when first used."""

    def __init__(self, redis_url: str) -> None:
        self._client = connect_producer(redis_url)
        self._queues: dict[str, Queue] = {}

    @property
    def client(self) -> Redis:
        """The connections, for those who look at the queues' keys (Entries)."""
        return self._client

    def _queue(self, name: str) -> Queue:
        if name not in self._queues:
            self._queues[name] = Queue(name, {"connection": self._client})
        return self._queues[name]

    async def add(self, jobs: Iterable[QueuedJob]) -> None:
        """Add jobs, in one round trip a queue. An entry whose id is known already is passed over silently.

        Raises redis.exceptions.RedisError (or OSError) when Valkey does not take them; some may have been taken.
        """
        for name, batch in groupby(sorted(jobs, key=lambda job: job.queue), key=lambda job: job.queue):
            entries = [_as_bullmq(job) for job in batch]
            if len(entries) == 1:
                # A pipeline of one costs a third more, which an idle worker's pickup would feel.
                (entry,) = entries
                await self._queue(name).add(entry["name"], entry["data"], entry["opts"])
            else:
                await self._queue(name).addBulk(entries)

    async def count_jobs(self, queues: Sequence[str] = QUEUES) -> dict[str, dict[str, int]]:
        """Count jobs: {queue: {state: jobs}}."""
        return {name: await self._queue(name).getJobCounts(*STATES) for name in queues}

    async def count_workers(self, queues: Sequence[str] = QUEUES) -> dict[str, int]:
        """Count the workers that are connected to each queue."""
        found: dict[str, int] = {}
        for name in queues:
            clients = await self._queue(name).get_workers()
            # A worker holds several connections under one name.
            found[name] = len({client["rawname"] for client in clients if "rawname" in client})
        return found

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _as_bullmq(job: QueuedJob) -> dict[str, Any]:
    opts: dict[str, Any] = {
        "jobId": job.entry_id,
        "attempts": job.attempts,
        "backoff": {"type": "exponential", "delay": round(job.backoff_s * 1000)},
        "removeOnComplete": KEPT_COMPLETED,
        "removeOnFail": KEPT_FAILED,
    }
    if job.turn:
        opts["priority"] = job.turn
    if job.delay_s > 0:
        opts["delay"] = round(job.delay_s * 1000)
    if job.suspect:
        opts["suspect"] = True
    if job.traceparent:
        # Where the Node library keeps its telemetry, in the same form.
        opts["tm"] = json.dumps({"traceparent": job.traceparent})
    return {"name": job.task, "data": job.payload, "opts": opts}
