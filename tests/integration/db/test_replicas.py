"""Reads go to a replica that is there and not behind, and to the primary otherwise."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit, urlunsplit

from ments.db import Replica
from ments.parts import Parts


async def read_one(replica: Replica) -> bool:
    async with replica.session() as session:
        row = await (await session.connection.execute("select 1 as one")).fetchone()
    return row == {"one": 1}


async def test_the_primary_serves_while_a_replica_is_gone(parts: Parts) -> None:
    there = parts.settings.database_url
    gone = urlunsplit(urlsplit(there)._replace(netloc=urlsplit(there).netloc.rsplit(":", 1)[0] + ":1"))
    replica = Replica((gone,), parts.primary)
    await replica.open()
    try:
        assert all(await asyncio.gather(*[read_one(replica) for _ in range(20)]))
        assert replica._fit == []
        # Then nobody asks it, and a look finds it as it is.
        assert await read_one(replica)
        await replica.look()
        assert replica._fit == []
    finally:
        await replica.close()


async def test_a_replica_that_is_behind_is_not_read_until_it_has_caught_up(parts: Parts) -> None:
    replica = Replica((parts.settings.database_url,), parts.primary)
    for pool in replica._pools:
        await pool.open()
    try:
        await replica.look()
        assert len(replica._fit) == 1
        # The primary's log was further along a while ago than this one is now.
        for age in (30.0, 20.0, 10.0):
            replica._positions.note(time.monotonic() - age, 2**62)
        noted, replica._positions.note = replica._positions.note, lambda at, position: None  # type: ignore[method-assign]
        replica._positions._noted.popleft()
        await replica.look()
        assert replica._fit == []
        assert await read_one(replica)
        replica._positions.note = noted  # type: ignore[method-assign]
        await replica.look()
        assert len(replica._fit) == 1
        assert await read_one(replica)
    finally:
        await replica.close()
