"""Many readers at once: an empty cache costs the database one page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from ments.app import open_fragments
from ments.cache import Heard, PageCache, Valkey, pages, valkey
from ments.db import Replica, Session
from ments.feeds import shared
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost
from ments.relationships.actions import set_tie
from ments.relationships.model import TieKind
from posting import make_member, open_api
from valkey_server import ValkeyServer


class CountedReplica(Replica):
    """A replica that counts how often it is read."""

    reads = 0
    at_once = 0
    at_once_most = 0

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        self.reads += 1
        self.at_once += 1
        self.at_once_most = max(self.at_once_most, self.at_once)
        try:
            async with super().session() as session:
                yield session
        finally:
            self.at_once -= 1


async def test_a_thousand_readers_of_an_empty_cache_cost_one_page(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A thousand readers in one loop take their time: the page is not old meanwhile, nor is Valkey, or who builds, given up.
    monkeypatch.setattr(shared, "FRESH_S", 60.0)
    for name, value in {"_WAIT_S": 60.0, "_LOCK_MS": 60_000}.items():
        monkeypatch.setattr(pages, name, value)
    monkeypatch.setattr(valkey, "_ANSWER_TIMEOUT_S", 60.0)
    mara = await make_member(parts)
    for n in range(30):
        await actions.create_post(parts, mara.viewer, NewPost(content=f"{n}"))
    await parts.valkey.client.flushdb()
    replica = CountedReplica((), parts.primary)
    # Two processes: each has a memory of its own, the cache is shared.
    caches = [Valkey(parts.settings.redis_url) for _ in range(2)]
    processes = [replace(parts, replica=replica, pages=PageCache(cache)) for cache in caches]
    async with open_api(processes[0]) as one, open_api(processes[1]) as other:
        answers = await asyncio.gather(*((one, other)[n % 2].get("/api/feed") for n in range(1000)))
    for cache in caches:
        await cache.close()
    assert {answer.status_code for answer in answers} == {200}
    assert {len(answer.json()["posts"]) for answer in answers} == {20}
    assert replica.reads == 1
    assert sorted({answer.headers["x-cache"] for answer in answers}) == ["HIT", "MISS"]
    assert [answer.headers["x-cache"] for answer in answers].count("MISS") == 1


async def test_without_valkey_a_few_pages_are_made_at_once(
    parts: Parts, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mara = await make_member(parts)
    for n in range(30):
        await actions.create_post(parts, mara.viewer, NewPost(content=f"{n}"))
    away = Valkey(ValkeyServer(tmp_path_factory.mktemp("away")).url)
    replica = CountedReplica((), parts.primary)
    process = replace(_without_valkey(parts, away), replica=replica)
    async with open_api(process) as api:
        # Equal questions are one; of different ones four at once.
        answers = await asyncio.gather(*[api.get(f"/api/feed?limit={1 + n % 20}") for n in range(400)])
    await away.close()
    assert {answer.status_code for answer in answers} == {200}
    assert {len(answer.json()["posts"]) for answer in answers} == set(range(1, 21))
    assert replica.reads <= 40
    assert replica.at_once_most <= 4


async def test_without_valkey_members_read_every_feed_and_write(
    parts: Parts, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    await set_tie(parts, mara.viewer, TieKind.FOLLOW, jonas.viewer.username, wanted=True)
    posts = [(await actions.create_post(parts, jonas.viewer, NewPost(content=f"{n}"))).id for n in range(3)]
    away = Valkey(ValkeyServer(tmp_path_factory.mktemp("away")).url)
    async with open_api(_without_valkey(parts, away)) as api:
        for kind in ("latest", "following", "for_you"):
            answer = await api.get(f"/api/feed?kind={kind}", headers=mara.headers)
            assert answer.status_code == 200, kind
            assert [post["content"] for post in answer.json()["posts"]] == ["2", "1", "0"], kind
        liked = await api.post(f"/api/posts/{posts[0]}/like", headers=mara.headers)
        assert liked.json()["likes"] == 1
        written = await api.post("/api/posts", json={"content": "and so on"}, headers=jonas.headers)
        assert written.status_code == 201
        newest = (await api.get("/api/feed?kind=following", headers=mara.headers)).json()["posts"]
        assert [(post["content"], post["viewer"]["liked"]) for post in newest] == [
            ("and so on", False),
            ("2", False),
            ("1", False),
            ("0", True),
        ]
    await away.close()


def _without_valkey(parts: Parts, away: Valkey) -> Parts:
    """The parts of a process whose Valkey does not answer."""
    return replace(parts, valkey=away, pages=PageCache(away), fragments=open_fragments(away), heard=Heard(away))
