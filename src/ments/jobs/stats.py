"""`ments jobs stats`: how many jobs there are, by queue and state: the queue's own count, and the ledger's beside it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from psycopg import Error as PostgresError
from redis.exceptions import RedisError

from ments.db import Primary
from ments.errors import Unavailable
from ments.jobs.ledger.overview import Overview, QueueDepth, read_overview
from ments.jobs.queue import STATES, JobQueues
from ments.settings import Settings

_LEDGER_COLUMNS = ("waiting", "delayed", "running", "dead")


def read_stats(settings: Settings) -> dict[str, Any]:
    """Count: {queues: {NAME: {STATE: jobs, workers, ledger: {...}}}, outbox: {unsent, oldest_s}, workers: [...]}.

    Raises Unavailable, naming the part that does not answer.
    """
    return asyncio.run(_read(settings))


async def _read(settings: Settings) -> dict[str, Any]:
    primary = Primary(settings.database_url, size=1)
    try:
        await primary.reach()
        await primary.open()
        async with primary.session() as session:
            ledger = await read_overview(session)
    except PostgresError as error:
        raise Unavailable("Postgres does not answer (DATABASE_URL); `ments status` shows the parts.") from error
    finally:
        await primary.close()
    names = [depth.queue for depth in ledger.queues]
    queues = JobQueues(settings.redis_url)
    try:
        counts = await queues.count_jobs(names)
        workers = await queues.count_workers(names)
    except (RedisError, OSError) as error:
        raise Unavailable("Valkey does not answer (REDIS_URL); `ments status` shows the parts.") from error
    finally:
        await queues.aclose()
    return join_counts(ledger, counts, workers)


def join_counts(ledger: Overview, counts: dict[str, dict[str, int]], workers: dict[str, int]) -> dict[str, Any]:
    """Put the two counts side by side, as JSON values. Pure."""
    return {
        "queues": {
            depth.queue: {**counts[depth.queue], "workers": workers[depth.queue], "ledger": _ledger_of(depth)}
            for depth in ledger.queues
        },
        "outbox": {"unsent": ledger.unsent, "oldest_s": round(max(0.0, ledger.unsent_oldest_s), 1)},
        "workers": [
            {
                "name": worker.name,
                "alive": worker.alive,
                "slots": dict(worker.slots),
                "seen_s": round(worker.seen_s, 1),
                "running": [
                    {"id": str(job.id), "task": job.task, "running_s": round(job.running_s, 1)}
                    for job in worker.running
                ],
            }
            for worker in ledger.workers
        ],
    }


def _ledger_of(depth: QueueDepth) -> dict[str, Any]:
    found = asdict(depth)
    del found["queue"]
    if found["oldest_s"] is not None:
        found["oldest_s"] = round(found["oldest_s"], 1)
    return found


def stats_lines(found: dict[str, Any]) -> list[str]:
    """Lay `read_stats` out as two tables for people: the queue's entries, the ledger's jobs. Pure."""
    columns = (*STATES, "workers")
    lines = ["queue".ljust(10) + "".join(column.rjust(12) for column in columns)]
    for name, counted in found["queues"].items():
        lines.append(name.ljust(10) + "".join(str(counted[column]).rjust(12) for column in columns))
    heads = (*_LEDGER_COLUMNS, "oldest", "done/min", "dead/min")
    lines += ["", "ledger".ljust(10) + "".join(head.rjust(12) for head in heads)]
    for name, counted in found["queues"].items():
        ledger = counted["ledger"]
        oldest = f"{ledger['oldest_s']:.0f} s" if ledger["oldest_s"] is not None else "-"
        values = [*(str(ledger[column]) for column in _LEDGER_COLUMNS), oldest]
        values += [f"{ledger[rate]:g}" for rate in ("done_5m", "dead_5m")]
        lines.append(name.ljust(10) + "".join(value.rjust(12) for value in values))
    outbox = found["outbox"]
    oldest = f", the oldest for {outbox['oldest_s']} s" if outbox["unsent"] else ""
    lines += ["", f"outbox: {outbox['unsent']} unsent{oldest}"]
    alive = sum(1 for worker in found["workers"] if worker["alive"])
    busy = sum(len(worker["running"]) for worker in found["workers"])
    silent = len(found["workers"]) - alive
    return [*lines, f"workers: {alive} alive{f', {silent} silent' if silent else ''}; {busy} jobs run"]
