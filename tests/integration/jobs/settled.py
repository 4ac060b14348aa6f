"""A database that has been up for long enough that its heartbeats are believed."""

from __future__ import annotations

import asyncio

from ments.db import Primary
from ments.jobs.model import LEASE_S


async def settle(primary: Primary) -> None:
    """Wait until then; at most a lease's length, after the stack's start."""
    async with primary.session() as session:
        cursor = await session.connection.execute(
            "select extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8 as up_s"
        )
        row = await cursor.fetchone()
    assert row is not None
    await asyncio.sleep(max(0.0, LEASE_S + 0.1 - row["up_s"]))
