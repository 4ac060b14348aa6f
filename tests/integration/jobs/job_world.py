"""A ledger, a queue that may be killed and a worker of the test's own, in one object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import msgspec
from redis.asyncio import Redis

from eventually import eventually
from ments.db import Primary
from ments.jobs import Bindings, JobQueues, QueuedJob
from ments.jobs.ledger import NewJob, insert_jobs
from ments.jobs.model import Rank
from ments.jobs.process import work
from valkey_server import ValkeyServer


@dataclass(frozen=True)
class JobWorld:
    """Accepts jobs by hand, whatever their payload, and looks at what became of them."""

    primary: Primary
    queues: JobQueues
    valkey_server: ValkeyServer

    async def accept(
        self, task: str, payload: Any, *, queue: str = "default", send: bool = True, account_id: UUID | None = None
    ) -> UUID:
        """Write a row, and put its entry into the queue."""
        new = NewJob(uuid4(), queue, task, msgspec.json.encode(payload).decode(), 3, 2.0, Rank.FIRST, account_id, 0)
        async with self.primary.transaction() as tx:
            (turn,) = await insert_jobs(tx, [new], None)
        if send:
            await self.queues.add([QueuedJob(new.id, 1, queue, task, payload, 3, 2.0, turn)])
        return new.id

    async def row(self, job_id: UUID) -> dict[str, Any]:
        """The job's row in the ledger."""
        async with self.primary.session() as session:
            cursor = await session.connection.execute("select * from jobs where id = %s", [job_id])
            row = await cursor.fetchone()
        assert row is not None
        return row

    async def rows(self) -> list[dict[str, Any]]:
        """Every row, oldest first."""
        async with self.primary.session() as session:
            cursor = await session.connection.execute("select * from jobs order by accepted_at")
            return await cursor.fetchall()

    async def change(self, job_id: UUID, what: str) -> None:
        """Set columns by hand, as `attempts = 2`."""
        async with self.primary.transaction() as tx:
            await tx.connection.execute(f"update jobs set {what} where id = %s", [job_id])  # type: ignore[arg-type]  # built by tests

    async def becomes(self, job_id: UUID, state: str, within_s: float = 30.0) -> dict[str, Any]:
        """Wait for a state; returns the row."""

        async def is_so() -> bool:
            return bool((await self.row(job_id))["state"] == state)

        await eventually(is_so, within_s=within_s)
        return await self.row(job_id)

    async def counts(self, queue: str = "default", within_s: float = 30.0, **wanted: int) -> None:
        """Wait until the queue counts like this."""

        async def counted() -> bool:
            counts = (await self.queues.count_jobs((queue,)))[queue]
            return all(counts[state] == jobs for state, jobs in wanted.items())

        await eventually(counted, within_s=within_s)

    async def entry(self, entry_id: str, queue: str = "default") -> dict[str, str]:
        """What the queue keeps of an entry."""
        async with Redis.from_url(self.valkey_server.url, decode_responses=True) as client:
            return await client.hgetall(f"bull:{queue}:{entry_id}")

    @asynccontextmanager
    async def working(
        self, bindings: Bindings, parts: Any, queues: Sequence[str] = ("default",), drain_s: float = 2.0, slots: int = 4
    ) -> AsyncIterator[asyncio.Event]:
        """Run a worker in this process until the block ends."""
        stop = asyncio.Event()
        running = asyncio.create_task(
            work(
                dict.fromkeys(queues, slots),
                redis_url=self.valkey_server.url,
                bindings=bindings,
                parts=parts,
                primary=self.primary,
                stop=stop,
                drain_s=drain_s,
            )
        )
        try:
            yield stop
        finally:
            stop.set()
            async with asyncio.timeout(drain_s + 8):
                await running
