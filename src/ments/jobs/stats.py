"""`ments jobs stats`: how many jobs there are, by queue and state."""

from __future__ import annotations

import asyncio
from typing import Any

from psycopg import Error as PostgresError
from redis.exceptions import RedisError

from ments.db import Primary, load_queries
from ments.errors import Unavailable
from ments.jobs.queue import STATES, JobQueues
from ments.settings import Settings

queries = load_queries(__file__)


def read_stats(settings: Settings) -> dict[str, Any]:
    """Count: {queues: {NAME: {STATE: jobs, workers}}, outbox: {unsent, oldest_s}}.

    Raises Unavailable, naming the part that does not answer.
    """
    return asyncio.run(_read(settings))


async def _read(settings: Settings) -> dict[str, Any]:
    queues = JobQueues(settings.redis_url)
    try:
        counts = await queues.count_jobs()
        workers = await queues.count_workers()
    except (RedisError, OSError) as error:
        raise Unavailable("Valkey does not answer (REDIS_URL); `ments status` shows the parts.") from error
    finally:
        await queues.aclose()
    primary = Primary(settings.database_url, size=1)
    await primary.open()
    try:
        async with primary.session() as session:
            unsent = await queries.get_unsent(session.connection)
    except PostgresError as error:
        raise Unavailable("Postgres does not answer (DATABASE_URL); `ments status` shows the parts.") from error
    finally:
        await primary.close()
    return {
        "queues": {name: {**states, "workers": workers[name]} for name, states in counts.items()},
        "outbox": {"unsent": unsent["rows"], "oldest_s": round(unsent["age_s"], 1)},
    }


def stats_lines(found: dict[str, Any]) -> list[str]:
    """Lay `read_stats` out as a table for people. Pure."""
    columns = (*STATES, "workers")
    lines = ["queue".ljust(10) + "".join(column.rjust(12) for column in columns)]
    for name, counted in found["queues"].items():
        lines.append(name.ljust(10) + "".join(str(counted[column]).rjust(12) for column in columns))
    outbox = found["outbox"]
    oldest = f", the oldest for {outbox['oldest_s']} s" if outbox["unsent"] else ""
    return [*lines, f"outbox: {outbox['unsent']} unsent{oldest}"]
