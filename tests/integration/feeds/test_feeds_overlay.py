"""What a reader did to the posts of a page: theirs alone, whatever way the page is read, and one statement a page."""

from __future__ import annotations

from typing import Any

import httpx2
import psycopg

from ments.db import Session
from ments.feeds import shared
from ments.feeds.model import FeedKind
from ments.parts import Parts
from ments.posts.reactions_store import read_overlays
from posting import Member, make_member, open_api
from reacting import end_poll, make_poll, make_post

_NOTHING: dict[str, Any] = {"liked": False, "reposted": False, "bookmarked": False, "votes": []}


async def read_page(api: httpx2.AsyncClient, path: str, who: Member | None) -> dict[str, dict[str, Any]]:
    answer = await api.get(path, headers=who.headers if who else {})
    assert answer.status_code == 200, answer.text
    return {post["id"]: post for post in answer.json()["posts"]}


async def test_each_reader_sees_what_they_did_and_nobody_elses(parts: Parts) -> None:
    mara, ann, bo = [await make_member(parts) for _ in range(3)]
    async with open_api(parts) as api:
        rooms = (await api.get("/api/environments")).json()["environments"]
        liked = (await make_post(api, mara, "#liked", environment_id=rooms[0]["id"]))["id"]
        kept = (await make_post(api, mara, "kept"))["id"]
        asked, options = await make_poll(api, mara)
        own = (await make_post(api, ann, "Ann's own"))["id"]
        reply = (await make_post(api, mara, "re", parent_post_id=liked))["id"]
        for post_id in (liked, own, reply):
            await api.post(f"/api/posts/{post_id}/like", headers=ann.headers)
        await api.post(f"/api/posts/{kept}/bookmark", headers=ann.headers)
        await api.post(f"/api/posts/{kept}/repost", headers=bo.headers)
        await api.post(f"/api/posts/{asked['id']}/vote", json={"option_ids": options[:1]}, headers=ann.headers)
        anns = {
            liked: {**_NOTHING, "liked": True},
            kept: {**_NOTHING, "bookmarked": True},
            asked["id"]: {**_NOTHING, "votes": options[:1]},
            own: {**_NOTHING, "liked": True},
            reply: {**_NOTHING, "liked": True},
        }
        bos = {post_id: dict(_NOTHING) for post_id in anns} | {kept: {**_NOTHING, "reposted": True}}
        for path in (
            "/api/feed?kind=latest",
            "/api/feed",
            "/api/posts",
            f"/api/posts/{liked}/replies",
            "/api/hashtags/liked/posts",
        ):
            # Once made and once from the cache: the shared part is nobody's.
            for _ in range(2):
                for who, did in ((ann, anns), (bo, bos)):
                    page = await read_page(api, path, who)
                    assert page
                    assert {post_id: post["viewer"] for post_id, post in page.items()} == {k: did[k] for k in page}
                assert all(post["viewer"] is None for post in (await read_page(api, path, None)).values())
        for n in (FeedKind.LATEST, FeedKind.FOR_YOU):
            cached = await parts.valkey.client.get(shared.page_key(n, 20, None))
            assert cached is None or b'"liked"' not in cached


async def test_the_shared_page_tells_results_to_nobody_before_the_end(parts: Parts) -> None:
    mara, voter, other = [await make_member(parts) for _ in range(3)]
    async with open_api(parts) as api:
        post, options = await make_poll(api, mara)
        # Everybody's page is there before the vote, and older than it for a second.
        await api.get("/api/feed?kind=latest")
        await api.post(f"/api/posts/{post['id']}/vote", json={"option_ids": options[1:2]}, headers=voter.headers)
        mine = (await read_page(api, "/api/feed?kind=latest", voter))[post["id"]]["poll"]
        assert (mine["voters"], [option["votes"] for option in mine["options"]]) == (1, [0, 1, 0])

        async def sees(who: Member | None) -> list[int | None]:
            page = await read_page(api, "/api/feed?kind=latest", who)
            return [option["votes"] for option in page[post["id"]]["poll"]["options"]]

        for _ in range(2):
            assert await sees(voter) == await sees(mara) == [0, 1, 0]
            assert await sees(other) == await sees(None) == [None] * 3
        await end_poll(parts, post["id"])
        await parts.pages.purge(*shared.first_page_keys())
        for who in (voter, mara, other, None):
            assert await sees(who) == [0, 1, 0]


async def test_a_layer_is_one_statement_whatever_the_page_holds(parts: Parts) -> None:
    mara = await make_member(parts)
    statements: list[str] = []

    class Counted(psycopg.AsyncCursor[Any]):
        async def execute(self, query: Any, *args: Any, **options: Any) -> Any:
            statements.append(str(query))
            return await super().execute(query, *args, **options)

    async with open_api(parts) as api:
        ids = [(await make_poll(api, mara))[0]["id"] for _ in range(3)]
        ids += [(await make_post(api, mara))["id"] for _ in range(3)]
    async with parts.primary.session() as session:
        plain = session.connection.cursor_factory
        session.connection.cursor_factory = Counted
        try:
            overlays = await read_overlays(Session(session.connection), mara.viewer.id, ids)
        finally:
            session.connection.cursor_factory = plain
    assert len(statements) == 1
    assert len(overlays) == 6
    assert all(overlay.viewer.votes == () for overlay in overlays.values())
