"""Many readers at once: an empty cache costs the database one page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from ments.cache import PageCache
from ments.db import Replica, Session
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost
from posting import make_member, open_api


class CountedReplica(Replica):
    """A replica that counts how often it is read."""

    reads = 0

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        self.reads += 1
        async with super().session() as session:
            yield session


async def test_fifty_readers_of_an_empty_cache_cost_one_page(parts: Parts) -> None:
    mara = await make_member(parts)
    for n in range(30):
        await actions.create_post(parts, mara.viewer, NewPost(content=f"{n}"))
    await parts.valkey.client.flushdb()
    replica = CountedReplica((), parts.primary)
    # Two processes: each has a memory of its own, the cache is shared.
    processes = [replace(parts, replica=replica, pages=PageCache(parts.valkey)) for _ in range(2)]
    async with open_api(processes[0]) as one, open_api(processes[1]) as other:
        answers = await asyncio.gather(*((one, other)[n % 2].get("/api/feed") for n in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert {len(answer.json()["posts"]) for answer in answers} == {20}
    assert replica.reads == 1
    assert sorted({answer.headers["x-cache"] for answer in answers}) == ["HIT", "MISS"]
    assert [answer.headers["x-cache"] for answer in answers].count("MISS") == 1
