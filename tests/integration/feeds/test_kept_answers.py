"""Answers that two processes keep for one session: quick, nobody else's, and gone with the member's own act."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from eventually import eventually
from ments.accounts.sessions import hash_token, open_session
from ments.cache import Heard, PageCache
from ments.cache.kept import Kept
from ments.cache.shared_memory import SharedCache, SharedMemory
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost
from ments.relationships.actions import set_tie
from ments.relationships.model import TieKind
from ments.web import kept_answers
from posting import Member, make_member, open_api
from reacting import make_post

# So long that what goes within a test went because it was dropped.
_LONG_S = 600


def make_process(parts: Parts, keep_s: int = _LONG_S) -> Parts:
    """Another process's parts, as far as it keeps anything of its own."""
    heard = Heard(parts.valkey)
    return replace(
        parts,
        settings=replace(parts.settings, answer_kept_s=keep_s),
        heard=heard,
        pages=PageCache(parts.valkey),
        sessions=Kept(heard, keep_s=_LONG_S, entries_max=1000, bytes_max=1000),
    )


@dataclass(frozen=True)
class Pair:
    """Two processes behind one address."""

    parts: Parts
    heard: tuple[Heard, Heard]
    apis: tuple[httpx2.AsyncClient, httpx2.AsyncClient]
    shares: bool

    async def read(self, who: Member, which: int = 0, path: str = "/api/feed?kind=latest") -> httpx2.Response:
        return await self.apis[which].get(path, headers=who.headers)

    async def warm(self, who: Member) -> None:
        """Have both answer from what they keep."""
        for which in (0, 1):
            await eventually(lambda which=which: self._hits(who, which), within_s=30)  # type: ignore[misc]

    async def _hits(self, who: Member, which: int) -> bool:
        return (await self.read(who, which)).headers["x-cache"] == "HIT"


@pytest_asyncio.fixture(loop_scope="session", params=[False, True], ids=["apart", "sharing"])
async def pair(request: pytest.FixtureRequest, parts: Parts) -> AsyncIterator[Pair]:
    async with open_pair(parts, _LONG_S, shares=request.param) as opened:
        yield opened


@asynccontextmanager
async def open_pair(parts: Parts, keep_s: int, *, shares: bool) -> AsyncIterator[Pair]:
    one, other = make_process(parts, keep_s), make_process(parts, keep_s)
    mine, theirs = make_shared() if shares else (None, None)
    async with open_api(one, mine) as api, open_api(other, theirs) as api_other:
        await eventually(lambda: one.heard.is_live and other.heard.is_live)
        if shares:
            # As if both had heard for long: what may have been told before then keeps nothing back.
            for heard in (one.heard, other.heard):
                heard.live_since = 0.0
        yield Pair(parts, (one.heard, other.heard), (api, api_other), shares)


def make_shared() -> tuple[SharedCache, SharedCache]:
    """Memory of two, both in this process."""
    memory = SharedMemory(2)
    try:
        return SharedCache(memory._fd, 2, 0), SharedCache(memory._fd, 2, 1)
    finally:
        # What is mapped stays.
        os.close(memory._fd)


def posts_of(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {post["content"]: post for post in answer.json()["posts"]}


async def test_a_session_gets_the_same_bytes_again_and_no_other_session_does(pair: Pair) -> None:
    mara, ann, bob = [await make_member(pair.parts) for _ in range(3)]
    await make_post(pair.apis[0], mara, "one")
    first = await pair.read(ann)
    second = await pair.read(ann)
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert second.content == first.content
    # Nothing of the answer differs but its trace.
    varied = ("x-trace-id", "x-cache")
    assert first.headers["x-trace-id"] != second.headers["x-trace-id"]
    assert {name: value for name, value in first.headers.items() if name not in varied} == {
        name: value for name, value in second.headers.items() if name not in varied
    }
    assert second.headers["cache-control"] == "private, no-store"
    assert second.headers["x-frame-options"] == "DENY"
    # A trace that is brought along goes on.
    traceparent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    traced = await pair.apis[0].get("/api/feed?kind=latest", headers={**ann.headers, "traceparent": traceparent})
    assert (traced.headers["x-cache"], traced.headers["x-trace-id"]) == ("HIT", "ab" * 16)
    for who, headers in ((mara, mara.headers), (None, {}), (None, {"Authorization": "Bearer wrong"})):
        answer = await pair.apis[0].get("/api/feed?kind=latest", headers=headers)
        viewer = posts_of(answer)["one"]["viewer"]
        assert (viewer is None) == (who is None)
        assert answer.headers["x-cache"] == "MISS" or who is None
    # Another question, another process that does not share, another way of signing in: each for itself.
    assert (await pair.read(ann, path="/api/feed?kind=latest&limit=7")).headers["x-cache"] == "MISS"
    there = await pair.read(ann, 1)
    assert there.headers["x-cache"] == ("HIT" if pair.shares else "MISS")
    assert there.content == first.content
    assert (await pair.read(bob, 1)).headers["x-cache"] == "MISS"
    cookie = {"Cookie": f"ments_session={ann.token}"}
    assert (await pair.apis[0].get("/api/feed?kind=latest", headers=cookie)).headers["x-cache"] == "MISS"
    assert (await pair.apis[0].head("/api/feed?kind=latest", headers=ann.headers)).content == b""
    # What was refused is asked again.
    for _ in range(2):
        assert (await pair.read(ann, path="/api/feed?cursor=nonsense")).status_code == 400


async def test_a_members_own_acts_are_in_their_next_answer_of_either_process(pair: Pair) -> None:
    mara, ann = [await make_member(pair.parts) for _ in range(2)]
    post_id = (await make_post(pair.apis[0], mara, "one"))["id"]
    name = mara.viewer.username
    acts = [
        ("POST", f"/api/posts/{post_id}/like", None, lambda seen: seen["one"]["viewer"]["liked"]),
        ("DELETE", f"/api/posts/{post_id}/like", None, lambda seen: not seen["one"]["viewer"]["liked"]),
        ("POST", "/api/posts", {"content": "Ann's"}, lambda seen: "Ann's" in seen),
        ("POST", f"/api/users/{name}/mute", {"mute": True}, lambda seen: "one" not in seen),
        ("POST", f"/api/users/{name}/mute", {"mute": False}, lambda seen: "one" in seen),
        ("POST", f"/api/users/{name}/block", {"block": True}, lambda seen: "one" not in seen),
    ]
    for method, path, body, is_so in acts:
        await pair.warm(ann)
        done = await pair.apis[0].request(method, path, headers=ann.headers, **({"json": body} if body else {}))
        assert done.status_code < 300, done.text
        # Here in the very next answer, there as soon as it is heard.
        assert is_so(posts_of(await pair.read(ann))), path

        async def is_so_there(is_so: Any = is_so) -> bool:
            return bool(is_so(posts_of(await pair.read(ann, 1))))

        await eventually(is_so_there, within_s=30)


async def test_a_session_that_ended_is_over_in_both(pair: Pair) -> None:
    ann = await make_member(pair.parts)
    async with pair.parts.primary.transaction() as tx:
        again = Member(ann.viewer, await open_session(tx, ann.viewer.id))
    await pair.warm(ann)
    await pair.warm(again)
    assert (await pair.apis[0].post("/api/auth/logout", headers=ann.headers)).status_code < 300
    assert (await pair.apis[0].get("/api/me", headers=ann.headers)).status_code == 401

    async def is_over_there() -> bool:
        answer = await pair.read(ann, 1, "/api/feed?kind=following")
        return answer.status_code == 401 and (await pair.apis[1].get("/api/me", headers=ann.headers)).status_code == 401

    await eventually(is_over_there, within_s=30)
    assert (await pair.read(again)).status_code == 200


@pytest.mark.parametrize("shares", [False, True])
async def test_others_acts_are_in_the_answer_after_a_second(parts: Parts, shares: bool) -> None:
    async with open_pair(parts, keep_s=1, shares=shares) as pair:
        mara, ann = [await make_member(parts) for _ in range(2)]
        for n in range(2):
            await actions.create_post(parts, mara.viewer, NewPost(f"{n}"))
        await pair.warm(ann)
        # Not through the API, so nobody tells of it.
        await set_tie(parts, mara.viewer, TieKind.BLOCK, ann.viewer.username, wanted=True)
        await asyncio.sleep(1.0)
        for which in (0, 1):
            assert posts_of(await pair.read(ann, which)) == {}


async def test_nothing_is_kept_while_nothing_is_heard(pair: Pair) -> None:
    mara, ann = [await make_member(pair.parts) for _ in range(2)]
    await make_post(pair.apis[0], mara, "one")
    await pair.warm(ann)
    for heard in pair.heard:
        assert heard._wire is not None
        heard._wire.abort()
    await eventually(lambda: not any(heard.is_live for heard in pair.heard))
    for which in (0, 1, 0):
        assert (await pair.read(ann, which)).headers["x-cache"] == "MISS"
    await eventually(lambda: all(heard.is_live for heard in pair.heard))
    await pair.warm(ann)


async def test_equal_questions_of_a_session_at_once_are_answered_once(pair: Pair) -> None:
    mara, ann = [await make_member(pair.parts) for _ in range(2)]
    await make_post(pair.apis[0], mara, "one")
    answers = await asyncio.gather(*[pair.read(ann) for _ in range(40)])
    assert len({answer.content for answer in answers}) == 1
    assert [answer.headers["x-cache"] for answer in answers].count("MISS") == 1
    assert len({answer.headers["x-trace-id"] for answer in answers}) == 40
    # With an act in between, those who ask after it do not get what was begun before.
    post_id = answers[0].json()["posts"][0]["id"]
    for round_ in range(8):
        before = [asyncio.create_task(pair.read(ann)) for _ in range(5)]
        method = "POST" if round_ % 2 == 0 else "DELETE"
        await pair.apis[0].request(method, f"/api/posts/{post_id}/like", headers=ann.headers)
        after = await pair.read(ann)
        assert posts_of(after)["one"]["viewer"]["liked"] == (round_ % 2 == 0)
        await asyncio.gather(*before)


async def test_equal_questions_of_both_processes_at_once_are_answered_once_where_they_share(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long the one takes, the other has no reason to make it as well.
    monkeypatch.setattr(kept_answers, "_AWAITED_S", 60.0)
    mara, ann = [await make_member(pair.parts) for _ in range(2)]
    await make_post(pair.apis[0], mara, "one")
    for limit in (1, 2, 3):
        path = f"/api/feed?kind=latest&limit={limit}"
        answers = await asyncio.gather(*[pair.read(ann, n % 2, path) for n in range(20)])
        misses = [answer.headers["x-cache"] for answer in answers].count("MISS")
        assert misses == (1 if pair.shares else 2)
        assert {answer.content for answer in answers} == {answers[0].content}


async def test_what_was_made_before_the_maker_heard_of_an_end_is_not_taken_over(parts: Parts) -> None:
    async with open_pair(parts, _LONG_S, shares=True) as pair:
        ann = await make_member(parts)
        await pair.warm(ann)
        assert (await pair.read(ann, 1, "/api/feed?kind=following&limit=2")).headers["x-cache"] == "MISS"
        # The other process is deaf to the end, so that it goes on making answers for the session that it keeps.
        pair.heard[1]._listeners.clear()
        assert (await pair.apis[0].post("/api/auth/logout", headers=ann.headers)).status_code < 300
        path = "/api/feed?kind=following&limit=3"
        assert (await pair.read(ann, 1, path)).status_code == 200
        assert (await pair.read(ann, 0, path)).status_code == 401
        assert (await pair.read(ann, 0)).headers["x-cache"] != "HIT"


async def test_a_session_is_looked_up_once_while_it_is_kept(pair: Pair) -> None:
    ann = await make_member(pair.parts)
    await eventually(lambda: all(heard.is_live for heard in pair.heard))
    for _ in range(2):
        assert (await pair.apis[0].get("/api/me", headers=ann.headers)).status_code == 200
    # Neither Valkey nor Postgres knows it any more, without a word to the process: it goes on for as long as it is kept.
    await pair.parts.valkey.client.flushdb()
    async with pair.parts.primary.transaction() as tx:
        await tx.connection.execute("delete from sessions where token_hash = %s", (hash_token(ann.token),))
    assert (await pair.apis[0].get("/api/me", headers=ann.headers)).status_code == 200
    assert (await pair.apis[1].get("/api/me", headers=ann.headers)).status_code == 401
