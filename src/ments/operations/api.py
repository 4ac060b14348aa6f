"""Jobs over HTTP, as JSON, for operators: `operator` sends everybody else away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from ments.accounts.model import Viewer
from ments.jobs.ledger.dead import DeadFilter, DeadKind
from ments.jobs.ledger.overview import RunningJob
from ments.operations import actions, store
from ments.operations.model import DeadPage, JobView, Selection, Verdict
from ments.operations.store import Standing
from ments.parts import Parts


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue: the ledger's count, and Valkey's beside it (null while it does not answer)."""

    queue: str
    waiting: int
    delayed: int
    running: int
    dead: int
    oldest_s: float | None
    done_1m: float
    done_5m: float
    dead_1m: float
    dead_5m: float
    wait_s: Mapping[str, float] | None
    run_s: Mapping[str, float] | None
    entries: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A process that runs jobs, and which."""

    name: str
    alive: bool
    slots: Mapping[str, int]
    started_at: datetime
    seen_s: float
    running: list[RunningJob]


@dataclass(frozen=True, slots=True)
class JobsOverview:
    """How the jobs stand. Rates are per minute; `strays` run under a worker that is not on the list."""

    at: datetime
    verdict: Verdict
    queues: list[QueueView]
    unsent: int
    unsent_oldest_s: float
    workers: list[WorkerView]
    strays: list[RunningJob]
    dead_kinds: list[DeadKind]


@dataclass(frozen=True, slots=True)
class Retried:
    """How many jobs were accepted anew. `complete` is false when the time was over: ask again for the rest."""

    retried: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Discarded:
    """How many jobs were given up. `complete` is false when the time was over: ask again for the rest."""

    discarded: int
    complete: bool


@get("/api/ops/jobs", summary="See how the jobs stand", tags=["operations"])
async def overview(parts: NamedDependency[Parts], operator: NamedDependency[Viewer]) -> JobsOverview:
    """Answer with depth, rates, workers and what each of them does; a second old at most."""
    return _overview(await store.read_standing(parts), await store.read_dead_kinds(parts))


@get("/api/ops/jobs/dead", summary="List dead letters", tags=["operations"])
async def dead(
    parts: NamedDependency[Parts],
    operator: NamedDependency[Viewer],
    queue: FromQuery[str | None] = None,
    task: FromQuery[str | None] = None,
    code: FromQuery[str | None] = None,
    q: FromQuery[str | None] = None,
    since: FromQuery[datetime | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> DeadPage:
    """Answer with one page, newest first; `q` is part of the cause."""
    which = DeadFilter(queue or None, task or None, code or None, q or None, since)
    return await store.read_dead(parts, which, cursor=cursor, limit=limit)


@get("/api/ops/jobs/{job_id:uuid}", summary="Inspect a job", tags=["operations"])
async def inspect(
    parts: NamedDependency[Parts],
    operator: NamedDependency[Viewer],
    job_id: FromPath[UUID],
) -> JobView:
    """Answer with everything that the ledger knows of a job, its payload and every stack trace included."""
    return await store.read_job(parts, job_id)


@post("/api/ops/jobs/{job_id:uuid}/retry", status_code=200, summary="Retry a dead letter", tags=["operations"])
async def retry_one(
    parts: NamedDependency[Parts], operator: NamedDependency[Viewer], job_id: FromPath[UUID]
) -> JobView:
    """Answer with the job as it was accepted anew; 409 when it is no dead letter."""
    return await actions.retry_one(parts, operator, job_id)


@post("/api/ops/jobs/{job_id:uuid}/discard", status_code=200, summary="Discard a dead letter", tags=["operations"])
async def discard_one(
    parts: NamedDependency[Parts], operator: NamedDependency[Viewer], job_id: FromPath[UUID]
) -> JobView:
    """Answer with the job; 409 when it is no dead letter."""
    return await actions.discard_one(parts, operator, job_id)


@post("/api/ops/jobs/retry", status_code=200, summary="Retry dead letters", tags=["operations"])
async def retry(parts: NamedDependency[Parts], operator: NamedDependency[Viewer], data: JSONBody[Selection]) -> Retried:
    """Answer with how many were accepted anew: those named, those that fit a filter, or `all`."""
    outcome = await actions.retry_selected(parts, operator, data)
    return Retried(outcome.changed, outcome.complete)


@post("/api/ops/jobs/discard", status_code=200, summary="Discard dead letters", tags=["operations"])
async def discard(
    parts: NamedDependency[Parts], operator: NamedDependency[Viewer], data: JSONBody[Selection]
) -> Discarded:
    """Answer with how many were given up: those named, those that fit a filter, or `all`."""
    outcome = await actions.discard_selected(parts, operator, data)
    return Discarded(outcome.changed, outcome.complete)


def _overview(standing: Standing, kinds: list[DeadKind]) -> JobsOverview:
    ledger, entries = standing.ledger, standing.entries
    return JobsOverview(
        at=standing.at,
        verdict=standing.verdict,
        queues=[
            QueueView(**asdict(depth), entries=entries.get(depth.queue) if entries is not None else None)
            for depth in ledger.queues
        ],
        unsent=ledger.unsent,
        unsent_oldest_s=max(0.0, ledger.unsent_oldest_s),
        workers=[
            WorkerView(worker.name, worker.alive, worker.slots, worker.started_at, worker.seen_s, list(worker.running))
            for worker in ledger.workers
        ],
        strays=list(ledger.strays),
        dead_kinds=kinds,
    )


ROUTES = [overview, dead, inspect, retry_one, discard_one, retry, discard]
