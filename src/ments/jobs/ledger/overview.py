"""What the ledger holds at this moment, for operators: depth, rates, workers, what each of them does.

Six bounded reads, each from an index: it costs the same with a million rows of history.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ments.db import Session, load_queries
from ments.jobs.model import QUEUES

queries = load_queries(__file__, "overview.sql")

ALIVE_S = 30.0
"""A worker that was not seen for this long has died, or cannot reach Postgres."""
_MEASURED_MOST = 5_000
_WORKERS_MOST = 200
_RUNNING_MOST = 500


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """One queue in the ledger.

    waiting, delayed  accepted or queued: due, and due later
    oldest_s          since the one that waits longest was due; None when nothing waits
    done_1m, done_5m  per minute, over the last minute and the last five; dead_ likewise
    wait_s, run_s     {p50, p95} of what was done in the last five minutes; None when nothing was
    """

    queue: str
    waiting: int = 0
    delayed: int = 0
    running: int = 0
    dead: int = 0
    oldest_s: float | None = None
    done_1m: float = 0.0
    done_5m: float = 0.0
    dead_1m: float = 0.0
    dead_5m: float = 0.0
    wait_s: Mapping[str, float] | None = None
    run_s: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job that runs. `silent_s` since its worker renewed it, `left_s` until its time is over (less than 0: it is)."""

    id: UUID
    queue: str
    task: str
    owner: str | None
    lease: int
    attempt: int
    attempts_max: int
    started_at: datetime
    running_s: float
    silent_s: float
    left_s: float | None


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A process that runs jobs: its slots by queue, and what it runs."""

    name: str
    slots: Mapping[str, int]
    started_at: datetime
    seen_s: float
    running: tuple[RunningJob, ...]

    @property
    def alive(self) -> bool:
        """Whether it was seen lately."""
        return self.seen_s < ALIVE_S


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it. `strays` run under a worker that is not on the list: it has died, or its row has not come yet."""

    queues: tuple[QueueDepth, ...]
    unsent: int
    unsent_oldest_s: float
    workers: tuple[WorkerSeen, ...]
    strays: tuple[RunningJob, ...]


async def read_overview(session: Session) -> Overview:
    """Read the ledger. Raises psycopg.Error."""
    connection = session.connection
    pending = {row["queue"]: row async for row in queries.count_pending(connection)}
    dead = {row["queue"]: row async for row in queries.count_dead_by_queue(connection)}
    ended = {row["queue"]: row async for row in queries.measure_ended(connection, most=_MEASURED_MOST)}
    unsent = await queries.count_unsent(connection)
    rows = queries.list_running(connection, queues=list(pending), n=_RUNNING_MOST)
    running = [running_of(row) async for row in rows]
    seen = [row async for row in queries.list_workers(connection, n=_WORKERS_MOST)]
    names = [*QUEUES, *sorted({*pending, *dead, *ended} - set(QUEUES))]
    known = {row["name"] for row in seen}
    return Overview(
        queues=tuple(depth_of(name, pending.get(name), dead.get(name), ended.get(name)) for name in names),
        unsent=unsent["jobs"],
        unsent_oldest_s=unsent["oldest_s"],
        workers=tuple(_worker_of(row, running) for row in seen),
        strays=tuple(job for job in running if job.owner not in known),
    )


def depth_of(
    queue: str, pending: Mapping[str, Any] | None, dead: Mapping[str, Any] | None, ended: Mapping[str, Any] | None
) -> QueueDepth:
    """Join what was counted of one queue; None where there was nothing to count. Pure."""
    reach_s = ended["span_s"] if ended and ended["is_cut"] else None
    return QueueDepth(
        queue,
        waiting=pending["waiting"] if pending else 0,
        delayed=pending["delayed"] if pending else 0,
        running=pending["running"] if pending else 0,
        dead=dead["dead"] if dead else 0,
        oldest_s=max(0.0, pending["oldest_s"]) if pending and pending["oldest_s"] is not None else None,
        done_1m=per_minute(ended["last_minute"], 60, reach_s) if ended else 0.0,
        done_5m=per_minute(ended["last_five"], 300, reach_s) if ended else 0.0,
        dead_1m=per_minute(dead["last_minute"], 60, None) if dead else 0.0,
        dead_5m=per_minute(dead["last_five"], 300, None) if dead else 0.0,
        wait_s=_percentiles(ended["wait_s"]) if ended else None,
        run_s=_percentiles(ended["run_s"]) if ended else None,
    )


def per_minute(counted: int, window_s: float, reach_s: float | None) -> float:
    """Make a rate of a count; when it was cut off, it stands for the `reach_s` that it goes back only. Pure."""
    span_s = window_s if reach_s is None else min(window_s, max(reach_s, 0.1))
    return round(counted * 60 / span_s, 1)


def slots_by_queue(workers: Collection[WorkerSeen]) -> dict[str, tuple[int, int]]:
    """Count {queue: (living workers, their slots)}. Pure."""
    found: dict[str, tuple[int, int]] = {}
    for worker in workers:
        for queue, slots in worker.slots.items() if worker.alive else ():
            count, total = found.get(queue, (0, 0))
            found[queue] = (count + 1, total + slots)
    return found


def running_of(row: Mapping[str, Any]) -> RunningJob:
    """Read a row of `list_running`. Pure."""
    return RunningJob(
        id=row["id"],
        queue=row["queue"],
        task=row["task"],
        owner=row["owner"],
        lease=row["lease"],
        attempt=row["attempts"] + 1,
        attempts_max=row["attempts_max"],
        started_at=row["started_at"],
        running_s=max(0.0, row["running_s"] or 0.0),
        silent_s=max(0.0, row["silent_s"] or 0.0),
        left_s=row["left_s"],
    )


def _worker_of(row: Mapping[str, Any], running: Collection[RunningJob]) -> WorkerSeen:
    return WorkerSeen(
        name=row["name"],
        slots=row["slots"],
        started_at=row["started_at"],
        seen_s=max(0.0, row["seen_s"]),
        running=tuple(job for job in running if job.owner == row["name"]),
    )


def _percentiles(values: list[float] | None) -> dict[str, float] | None:
    if not values or values[0] is None:
        return None
    return {"p50": round(values[0], 3), "p95": round(values[1], 3)}
