"""Feeds of members who follow, block and mute: whole pages, right cursors, found by an index."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from ments.feeds import lists, store
from ments.feeds.model import FeedKind, FeedPage
from ments.feeds.paging import queries
from ments.parts import Parts
from ments.posts import actions
from ments.posts import store as post_store
from ments.posts.model import NewPost, Visibility
from ments.posts.store import list_environments
from ments.relationships.actions import set_tie
from ments.relationships.model import TieKind
from posting import Member, make_media, make_member, open_api

HIDING = [(TieKind.BLOCK, "theirs"), (TieKind.BLOCK, "mine"), (TieKind.MUTE, "mine")]
HIDING_IDS = ["blocked", "blocker", "muted"]


async def write(parts: Parts, member: Member, content: str, visibility: Visibility = Visibility.PUBLIC) -> UUID:
    return (await actions.create_post(parts, member.viewer, NewPost(content=content, visibility=visibility))).id


async def tie(parts: Parts, who: Member, kind: TieKind, whom: Member, wanted: bool = True) -> None:
    await set_tie(parts, who.viewer, kind, whom.viewer.username, wanted=wanted)


async def hide(parts: Parts, reader: Member, author: Member, kind: TieKind, whose: str) -> None:
    await (tie(parts, reader, kind, author) if whose == "mine" else tie(parts, author, kind, reader))


async def walk(parts: Parts, reader: Member | None, kind: FeedKind, limit: int) -> list[list[UUID]]:
    pages: list[list[UUID]] = []
    cursor = None
    while True:
        page = await store.read_feed(parts, reader and reader.viewer, kind, cursor=cursor, limit=limit)
        pages.append([post.id for post in page.posts])
        cursor = page.cursor
        if cursor is None:
            return pages
        assert len(pages) < 200


@pytest.mark.parametrize(("kind", "whose"), HIDING, ids=HIDING_IDS)
@pytest.mark.parametrize("limit", [1, 3, 20])
async def test_pages_are_full_though_some_are_left_out(parts: Parts, kind: TieKind, whose: str, limit: int) -> None:
    reader, seen, hidden = [await make_member(parts) for _ in range(3)]
    visible: list[UUID] = []
    for n in range(24):
        author = hidden if n % 4 or n > 16 else (reader if n % 8 == 0 else seen)
        post_id = await write(parts, author, f"{n}")
        if author is not hidden:
            visible.insert(0, post_id)
    everybody = await walk(parts, None, FeedKind.LATEST, limit)
    await hide(parts, reader, hidden, kind, whose)
    pages = await walk(parts, reader, FeedKind.LATEST, limit)
    assert [post_id for page in pages for post_id in page] == visible
    assert all(len(page) == limit for page in pages[:-1])
    # The shared pages are what they were.
    assert await walk(parts, None, FeedKind.LATEST, limit) == everybody
    await tie(parts, reader if whose == "mine" else hidden, kind, hidden if whose == "mine" else reader, wanted=False)
    assert sum(map(len, await walk(parts, reader, FeedKind.LATEST, limit))) == 24


async def test_somebody_who_hides_almost_all_gets_pages_that_end(parts: Parts) -> None:
    reader, seen, hidden = [await make_member(parts) for _ in range(3)]
    oldest = await write(parts, seen, "the oldest")
    async with parts.primary.transaction() as tx:
        # So many that a page looks at a part of them, with the reader's own far below, twice at one moment.
        await tx.connection.execute(
            """
            insert into posts (id, account_id, content, visibility, status, sorted_at)
            select gen_random_uuid(), case when n in (700, 1700, 1701) then %s::uuid else %s end, 'x', 'public', 'published',
                   now() + make_interval(secs => n / 2)
            from generate_series(1, 2500) as n
            """,
            (reader.viewer.id, hidden.viewer.id),
        )
        own = await (
            await tx.connection.execute(
                "select id from posts where account_id = %s order by sorted_at desc, id desc", (reader.viewer.id,)
            )
        ).fetchall()
    await tie(parts, reader, TieKind.MUTE, hidden)
    pages = await walk(parts, reader, FeedKind.LATEST, 2)
    assert [post_id for page in pages for post_id in page] == [*[row["id"] for row in own], oldest]
    assert 3 <= len(pages) < 8


async def test_an_environment_and_the_tiles_leave_out_the_same(parts: Parts) -> None:
    reader, seen, hidden, muted = [await make_member(parts) for _ in range(4)]
    room = (await list_environments(parts))[0]
    written = {}
    for n in range(4):
        for author in (seen, hidden, muted):
            media = await make_media(parts, author.viewer)
            new = NewPost(f"{n}", (media,), environment_id=room.id)
            written[(await actions.create_post(parts, author.viewer, new)).id] = author
    await tie(parts, hidden, TieKind.BLOCK, reader)
    await tie(parts, reader, TieKind.MUTE, muted)

    async def read(who: Member | None) -> list[UUID]:
        found: list[UUID] = []
        page: FeedPage | None = None
        while page is None or page.cursor:
            page = await lists.read_environment_posts(
                parts, who and who.viewer, room.id, cursor=page and page.cursor, limit=3
            )
            assert len(page.posts) == 3 or not page.has_more
            found += [post.id for post in page.posts]
        return found

    assert await read(None) == list(written)[::-1]
    assert await read(reader) == [post_id for post_id in list(written)[::-1] if written[post_id] is seen]
    assert {tile.author_id for tile in (await store.read_landing(parts, reader.viewer)).tiles} == {seen.viewer.id}
    assert len({tile.author_id for tile in (await store.read_landing(parts)).tiles}) == 3


async def test_the_feed_of_those_one_follows(parts: Parts) -> None:
    reader, ada, ben, other = [await make_member(parts) for _ in range(4)]
    for followed in (ada, ben):
        await tie(parts, reader, TieKind.FOLLOW, followed)
    expected: list[UUID] = []
    for n in range(7):
        for author in (ada, ben, reader, other):
            post_id = await write(parts, author, f"{n}", Visibility.FOLLOWERS if n % 2 else Visibility.PUBLIC)
            if author is not other:
                expected.insert(0, post_id)
    await write(parts, ada, "to herself", Visibility.PRIVATE)
    expected.insert(0, await write(parts, reader, "to myself", Visibility.PRIVATE))
    waiting = await make_media(parts, reader.viewer, status="processing", generation=None)
    expected.insert(0, (await actions.create_post(parts, reader.viewer, NewPost(media_ids=(waiting,)))).id)
    await actions.create_post(parts, ada.viewer, NewPost("an answer", parent_post_id=expected[-1]))
    for limit in (1, 4, 50):
        pages = await walk(parts, reader, FeedKind.FOLLOWING, limit)
        assert [post_id for page in pages for post_id in page] == expected
        assert all(len(page) == limit for page in pages[:-1])
    async with open_api(parts) as api:
        answer = await api.get("/api/feed?kind=following&limit=2", headers=reader.headers)
        assert answer.headers["cache-control"] == "private, no-store"
        assert (answer.json()["source"], answer.headers["x-cache"]) == ("chronological", "MISS")
        latest = (await api.get("/api/feed?kind=latest&limit=2", headers=reader.headers)).json()["cursor"]
        wrong = await api.get(f"/api/feed?kind=following&cursor={latest}", headers=reader.headers)
        assert (wrong.status_code, wrong.json()["code"]) == (400, "bad_cursor")
        page = await api.get("/?kind=following", headers=reader.headers)
        assert 'href="/?kind=following" aria-current="page"' in page.text
        assert "/?kind=following&amp;cursor=" in page.text
        assert (await api.get("/?kind=nonsense", headers=reader.headers)).status_code == 422
        empty = await api.get("/?kind=following", headers=other.headers)
        assert empty.status_code == 200
    # Muted: followed, and still out of the feed. Unfollowed: out of it, and what was for followers with it.
    await tie(parts, reader, TieKind.MUTE, ada)
    await tie(parts, reader, TieKind.FOLLOW, ben, wanted=False)
    (page,) = await walk(parts, reader, FeedKind.FOLLOWING, 50)
    assert page == [post_id for n, post_id in enumerate(expected) if n < 2 or n % 3 == 2]


async def test_the_feed_of_those_one_follows_reads_few_rows(parts: Parts) -> None:
    reader = await make_member(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            """
            insert into accounts (id, username, email)
            select gen_random_uuid(), 'followed_' || n, 'followed_' || n || '@ments.example' from generate_series(1, 1000) as n
            """
        )
        await tx.connection.execute(
            "insert into follows select %s, id from accounts where username like 'followed%%'", (reader.viewer.id,)
        )
        await tx.connection.execute(
            """
            insert into posts (id, account_id, content, visibility, status, sorted_at)
            select gen_random_uuid(), a.id, 'x', case when n % 2 = 0 then 'followers' else 'public' end, 'published',
                   now() - make_interval(secs => random() * 1000000)
            from accounts a, generate_series(1, 30) as n
            """
        )
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("analyze posts, follows, accounts")
        sql = f"explain (analyze, format json) {queries.list_following.sql}"
        values = {
            "viewer_id": reader.viewer.id,
            "before_at": "9999-01-01T00:00:00Z",
            "before_id": UUID(int=2**128 - 1),
            "n": 21,
        }
        plan = await (await tx.connection.execute(sql, values)).fetchone()
    assert plan is not None
    scans = [node for node in _walk(plan["QUERY PLAN"][0]["Plan"]) if node.get("Relation Name") == "posts"]
    assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
    # One of each that is followed, 21 accounts' posts, 21 of the reader's own: of 30,000. Where an account has but 30, the
    # planner may find it cheaper to read all of them than the 21 newest by their places in the table.
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in scans) <= 1000 + 21 * 30 + 21
    assert sum(node.get("Rows Removed by Filter", 0) for node in scans) == 0


def _walk(node: dict[str, Any]) -> Any:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)


async def test_who_hides_many_reads_few_rows(parts: Parts) -> None:
    """A room and a thread of 20,000 posts by 300 accounts, for somebody who blocks 3,000, a hundred of those among them."""
    reader, host = await make_member(parts), await make_member(parts)
    room = (await list_environments(parts))[0]
    parent = await write(parts, host, "ask me")
    async with parts.primary.transaction() as tx:
        execute = tx.connection.execute
        await execute(
            """insert into accounts (id, username, email)
               select gen_random_uuid(), 'someone_' || n, 'someone_' || n || '@ments.example' from generate_series(1, 3200) as n"""
        )
        await execute(
            """insert into blocks select %s, id from accounts
               where split_part(username::text, '_', 2)::integer > 200 and username like 'someone%%'""",
            (reader.viewer.id,),
        )
        await execute(
            """insert into posts (id, account_id, environment_id, parent_post_id, content, visibility, status, sorted_at)
               select gen_random_uuid(), a.id, case when n %% 2 = 0 then %s::uuid end, case when n %% 2 = 1 then %s::uuid end,
                      'x', case when n %% 10 = 1 then 'followers' else 'public' end, 'published',
                      now() - make_interval(secs => n)
               from generate_series(1, 40000) as n join accounts a on a.username = ('someone_' || (n * 7919 %% 300) + 1)::citext""",
            (room.id, parent),
        )
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("analyze posts, blocks, follows, mutes, accounts")
    asked = {
        "list_environment": (queries, {"environment_id": room.id, "before_at": "9999-01-01T00:00:00Z", "before_id": UUID(int=2**128 - 1)}),
        "list_reply_ids": (post_store.queries, {"parent_id": parent, "after_at": "1970-01-01T00:00:00Z", "after_id": UUID(int=0)}),
    }  # fmt: skip
    for name, (room_queries, values) in asked.items():
        sql = f"explain (analyze, format json) {getattr(room_queries, name).sql}"
        async with parts.primary.session() as session:
            plan = await (
                await session.connection.execute(sql, {**values, "viewer_id": reader.viewer.id, "n": 21})
            ).fetchone()
        assert plan is not None
        scans = [node for node in _walk(plan["QUERY PLAN"][0]["Plan"]) if node.get("Relation Name") == "posts"]
        assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, plan
        read = sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in scans)
        assert 21 <= read < 200, plan


async def test_what_others_wrote_between_much_that_is_hidden_and_ones_own_is_not_passed_over(parts: Parts) -> None:
    reader, loud, other = await make_member(parts), await make_member(parts), await make_member(parts)
    own = [await write(parts, reader, f"mine {n}") for n in range(4)]
    between = await write(parts, other, "between")
    async with parts.primary.transaction() as tx:
        # More than one page looks through.
        await tx.connection.execute(
            """insert into posts (id, account_id, content, visibility, status, sorted_at)
               select gen_random_uuid(), %s, 'x', 'public', 'published', clock_timestamp() + make_interval(secs => n)
               from generate_series(1, 1050) as n""",
            (loud.viewer.id,),
        )
    await tie(parts, reader, TieKind.MUTE, loud)
    pages = await walk(parts, reader, FeedKind.LATEST, 2)
    assert [post for page in pages for post in page] == [between, *reversed(own)]
