"""What came of a batch: the suite's own rows beside the ledger's, looked up without any code under test."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from fault_stores import FaultStores
from psycopg.rows import dict_row

from ments.jobs import JobQueues

_LOOK_EVERY_S = 0.2
_PROVE_S = 60.0
_EMPTY_S = 30.0
_OPEN = ("waiting", "active", "delayed", "prioritized")

_COUNT = """
with batch as (
  select a.id, a.at, j.state, j.deadline_at, j.cause
  from fault_asked a left join jobs j on j.payload ->> 'batch' = a.batch and j.payload ->> 'id' = a.id::text
  where a.batch = %(batch)s)
select
  (select count(*) from batch) as asked,
  (select count(*) from batch where state is null) as without_row,
  (select count(*) from batch where state in ('accepted', 'queued', 'running')) as pending,
  (select count(*) from batch where state = 'dead') as dead,
  (select count(*) from batch where state = 'done') as done,
  (select count(*) from batch where state in ('accepted', 'queued', 'running')
     and deadline_at < clock_timestamp() - interval '5 s' and cause is null) as overdue,
  (select count(*) from fault_effects e where batch = %(batch)s) as effects,
  (select count(distinct id) from fault_effects e where batch = %(batch)s) as distinct_effects,
  (select count(*) from fault_effects e join batch using (id) where state <> 'done') as effects_of_unfinished
"""

_RERUN = """
select extract(epoch from max(again.at) - %(hit)s)::float8
from fault_runs r, lateral (select min(n.at) as at from fault_runs n where n.id = r.id and n.lease > r.lease) again
where r.batch = %(batch)s and r.pid = %(pid)s and r.at <= %(hit)s and again.at > %(hit)s
"""


@dataclass(frozen=True)
class Counted:
    """How many of a batch. `overdue`: past their deadline, and nothing says why."""

    asked: int
    without_row: int
    pending: int
    dead: int
    done: int
    overdue: int
    effects: int
    distinct_effects: int
    effects_of_unfinished: int

    @property
    def settled(self) -> bool:
        return self.asked == self.done + self.dead

    @property
    def balanced(self) -> bool:
        """Each was done once and has its one effect, or is dead and has none; nothing is open."""
        return (
            self.settled
            and not self.without_row
            and not self.overdue
            and self.effects == self.distinct_effects == self.done
            and not self.effects_of_unfinished
        )


class Books:
    """Looks at the ledger and at the suite's rows. One short connection a question: the stores come and go."""

    def __init__(self, stores: FaultStores) -> None:
        self._stores = stores

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(
            self._stores.database_url, autocommit=True, row_factory=dict_row, connect_timeout=3
        ) as connection:
            return connection.execute(query, values).fetchall()

    def value(self, query: str, **values: Any) -> Any:
        return next(iter(self.rows(query, **values)[0].values()))

    def now(self) -> datetime:
        """The database's clock."""
        found: datetime = self.value("select clock_timestamp()")
        return found

    def count(self, batch: str) -> Counted:
        return Counted(**self.rows(_COUNT, batch=batch)[0])

    def seconds_until_done(self, batch: str, hit: datetime, back: datetime | None = None) -> float:
        """Seconds from a fault until the last of the effects was there that had been asked for before it was over.

        back  when what was away was there again; the fault took no time when it is not given
        """
        found = self.value(
            "select extract(epoch from max(e.at) - %(hit)s)::float8 from fault_effects e join fault_asked a using (id) "
            "where a.batch = %(batch)s and a.at <= %(back)s",
            batch=batch,
            hit=hit,
            back=back or hit,
        )
        return max(0.0, float(found or 0.0))

    def seconds_until_rerun(self, batch: str, pid: int, hit: datetime) -> float:
        """Seconds from a process' end, at `hit`, until the last of the jobs that it was running was run by another."""
        found = self.value(_RERUN, batch=batch, pid=pid, hit=hit)
        return float(found or 0.0)

    async def until_settled(self, batch: str, jobs: int, *, within_s: float) -> Counted:
        """Wait until `jobs` of the batch or more were asked for and each is done or dead."""
        deadline = time.monotonic() + within_s
        while True:
            counted = self.count(batch)
            if counted.asked >= jobs and counted.settled:
                return counted
            if time.monotonic() > deadline:
                raise AssertionError(f"not settled within {within_s:.0f} s: {counted}\n{self.tell_open(batch)}")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def until(self, query: str, *, within_s: float, **values: Any) -> None:
        """Wait until the first column of a query is true."""
        deadline = time.monotonic() + within_s
        while not self.value(query, **values):
            assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {query} {values}"
            await asyncio.sleep(_LOOK_EVERY_S)

    def tell_open(self, batch: str) -> str:
        """A few rows of jobs that are still open, for whoever looks at a failure."""
        rows = self.rows(
            "select id, task, state, generation, lease, attempts, crashes, postponed, owner, heartbeat_at, deadline_at, "
            "due_at, code, left(cause, 200) as cause, clock_timestamp() as now from jobs "
            "where payload ->> 'batch' = %(batch)s and state in ('accepted', 'queued', 'running') "
            "order by accepted_at limit 5",
            batch=batch,
        )
        return "\n".join(", ".join(f"{name}={value}" for name, value in row.items()) for row in rows)

    async def settle(self, batch: str, jobs: int, *, within_s: float, dead: int = 0) -> Counted:
        """Wait for the end of a batch: each was done once and has its one effect, none is left."""
        counted = await self.until_settled(batch, jobs, within_s=within_s)
        assert counted.balanced, counted
        assert counted.dead == dead, counted
        return counted

    async def close(self) -> None:
        """The end of a test, after all is settled: nothing waits in the queues, and `ments jobs prove` balances."""
        await self._until_queues_are_empty()
        await self._prove()

    async def _until_queues_are_empty(self) -> None:
        """Entries of jobs that have ended don't stay with a worker, or before one, for ever."""
        async with aclosing(JobQueues(self._stores.redis_url)) as queues:
            deadline = time.monotonic() + _EMPTY_S
            while True:
                counts = await queues.count_jobs()
                left = {
                    (queue, state): counts[queue][state] for queue in counts for state in _OPEN if counts[queue][state]
                }
                if not left:
                    return
                assert time.monotonic() < deadline, f"entries are left in the queues: {left}"
                await asyncio.sleep(_LOOK_EVERY_S)

    async def _prove(self) -> None:
        """`ments jobs prove` must say that the books balance."""
        proof = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "ments", "jobs", "prove", "--wait", "10"],
            env=self._stores.environ(),
            capture_output=True,
            text=True,
            timeout=_PROVE_S,
        )
        assert proof.returncode == 0, proof.stdout + proof.stderr
