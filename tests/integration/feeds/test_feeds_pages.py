"""Pages of a feed: right while posts come and go, never somebody else's business, and found by an index."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from ments.feeds import lists, store
from ments.feeds.model import FeedKind, FeedPage
from ments.feeds.paging import queries
from ments.feeds.tasks import purge_after_change, purge_after_delete, purge_after_publish
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost, PostChange, PostChanged, PostDeleted, PostPublished, ShownStatus, Visibility
from posting import Member, job_of, make_media, make_member, open_api, set_media


async def write(parts: Parts, member: Member, content: str, visibility: Visibility = Visibility.PUBLIC) -> UUID:
    return (await actions.create_post(parts, member.viewer, NewPost(content=content, visibility=visibility))).id


async def purge(parts: Parts) -> None:
    """What the worker does right after each of these events."""
    await purge_after_publish(parts, job_of("purge_after_publish"), PostPublished(uuid4(), uuid4()))


async def latest(parts: Parts, member: Member | None, cursor: str | None = None, limit: int = 3) -> FeedPage:
    return await store.read_feed(parts, member and member.viewer, FeedKind.LATEST, cursor=cursor, limit=limit)


@pytest.mark.parametrize("signed_in", [False, True])
async def test_pages_stay_right_while_posts_come_and_go(parts: Parts, signed_in: bool) -> None:
    mara, reader = await make_member(parts), await make_member(parts)
    who = reader if signed_in else None
    ids = [await write(parts, mara, f"{n}") for n in range(10)][::-1]
    first = await latest(parts, who)
    assert [post.id for post in first.posts] == ids[:3]
    await write(parts, mara, "newer")
    # The last post of the page that was read, and one of the page to come.
    await actions.delete_post(parts, mara.viewer, ids[2])
    await actions.delete_post(parts, mara.viewer, ids[4])
    second = await latest(parts, who, first.cursor)
    assert [post.id for post in second.posts] == [ids[3], ids[5], ids[6]]
    third = await latest(parts, who, second.cursor)
    assert [post.id for post in third.posts] == ids[7:]
    assert (third.cursor, third.has_more) == (None, False)


async def test_a_member_sees_their_own_posts_at_once_and_nobody_else_the_hidden_ones(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    seen = [await write(parts, other, f"{n}") for n in range(4)][::-1]
    for member in (None, mara, other):  # every cache is warm from here on
        assert [post.id for post in (await latest(parts, member, limit=20)).posts] == seen
    private = await write(parts, mara, "to myself", Visibility.PRIVATE)
    media_id = await make_media(parts, mara.viewer, status="processing", generation=None)
    waiting = (await actions.create_post(parts, mara.viewer, NewPost(media_ids=(media_id,)))).id
    public = await write(parts, mara, "to all")
    mine = await latest(parts, mara, limit=20)
    assert [post.id for post in mine.posts] == [public, waiting, private, *seen]
    assert [post.status for post in mine.posts[:2]] == [ShownStatus.PUBLISHED, ShownStatus.WAITING]
    assert all(post.viewer is not None for post in mine.posts)
    await purge(parts)
    for member in (None, other):
        assert [post.id for post in (await latest(parts, member, limit=20)).posts] == [public, *seen]
    raw, _ = await store.read_feed_json(parts, None, FeedKind.LATEST, limit=20)
    assert str(private).encode() not in raw
    assert str(waiting).encode() not in raw
    assert b"/m/" not in raw

    # What is pushed out of a page by one's own posts is on the next one.
    pages, cursor = [], None
    while True:
        page = await latest(parts, mara, cursor, limit=2)
        pages.append([post.id for post in page.posts])
        cursor = page.cursor
        if cursor is None:
            break
    assert pages == [[public, waiting], [private, seen[0]], seen[1:3], seen[3:]]

    await actions.delete_post(parts, mara.viewer, public)
    assert public not in [post.id for post in (await latest(parts, mara, limit=20)).posts]


async def test_a_deleted_or_changed_post_leaves_the_cache(parts: Parts) -> None:
    mara = await make_member(parts)
    post_id = await write(parts, mara, "before")
    assert (await latest(parts, None)).posts[0].content == "before"
    await actions.change_post(parts, mara.viewer, post_id, PostChange(content="after"))
    await purge_after_change(parts, job_of("purge_after_change"), PostChanged(post_id, mara.viewer.id))
    assert (await latest(parts, None)).posts[0].content == "after"
    await actions.delete_post(parts, mara.viewer, post_id)
    await purge_after_delete(parts, job_of("purge_after_delete"), PostDeleted(post_id, mara.viewer.id, ()))
    assert (await latest(parts, None)).posts == []


async def test_the_api_says_what_may_be_cached(parts: Parts) -> None:
    mara = await make_member(parts)
    await write(parts, mara, "hello")
    async with open_api(parts) as api:
        made = await api.get("/api/feed")
        assert made.headers["x-cache"] == "MISS"
        assert made.json()["source"] == "chronological"
        assert made.headers["cache-control"] == "public, max-age=1, stale-while-revalidate=5"
        kept = await api.get("/api/feed?kind=latest&limit=20")
        assert kept.headers["x-cache"] == "HIT"
        assert kept.json() == {**made.json(), "source": "cache"}
        assert kept.json()["posts"][0]["viewer"] is None
        own = await api.get("/api/feed", headers=mara.headers)
        assert own.headers["cache-control"] == "private, no-store"
        assert set(own.json()) == {"posts", "cursor", "has_more", "source"}
        assert own.json()["posts"][0]["viewer"]["liked"] is False
        assert (await api.get("/api/posts")).json()["posts"][0]["id"] == own.json()["posts"][0]["id"]


async def test_limits_kinds_and_cursors(parts: Parts) -> None:
    mara = await make_member(parts)
    for n in range(3):
        await write(parts, mara, f"{n}")
    async with open_api(parts) as api:

        async def read(query: str, who: Member | None = None) -> tuple[int, dict[str, Any]]:
            answer = await api.get(f"/api/feed?{query}", headers=who.headers if who else {})
            assert answer.status_code == 200 or answer.headers["content-type"] == "application/problem+json"
            return answer.status_code, answer.json()

        assert len((await read("limit=-3"))[1]["posts"]) == 1
        assert len((await read("limit=100000"))[1]["posts"]) == 3
        assert (await read("limit=many"))[0] == 400
        status, problem = await read("kind=hot", mara)
        assert (status, problem["code"]) == (422, "feed_kind_unavailable")
        status, problem = await read("kind=following")
        assert (status, problem["code"]) == (401, "unauthenticated")
        cursor = (await read("limit=1"))[1]["cursor"]
        assert (await read(f"limit=1&cursor={cursor}"))[0] == 200
        ranked = (await read("limit=1", mara))[1]["cursor"]
        for wrong in (
            f"kind=for_you&cursor={cursor}",
            f"kind=latest&cursor={ranked}",
            "cursor=AAAA",
            f"cursor={uuid4()}",
        ):
            status, problem = await read(wrong, mara)
            assert (status, problem["code"]) == (400, "bad_cursor")


async def test_a_profile_shows_what_its_reader_may_see(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    public = await write(parts, mara, "one")
    private = await write(parts, mara, "two", Visibility.PRIVATE)
    await write(parts, other, "elsewhere")

    async def read(member: Member | None, cursor: str | None = None) -> FeedPage:
        viewer = member and member.viewer
        return await lists.read_profile_posts(parts, viewer, mara.viewer.username.upper(), cursor=cursor, limit=1)

    assert [post.id for post in (await read(None)).posts] == [public]
    assert [post.id for post in (await read(other)).posts] == [public]
    first = await read(mara)
    assert [post.id for post in first.posts] == [private]
    assert [post.id for post in (await read(mara, first.cursor)).posts] == [public]


async def test_the_landing_counts_and_shows_public_pictures(parts: Parts) -> None:
    mara = await make_member(parts)
    shown = await make_media(parts, mara.viewer)
    hidden = await make_media(parts, mara.viewer, generation="s1")
    post = await actions.create_post(parts, mara.viewer, NewPost(media_ids=(shown,)))
    await actions.create_post(parts, mara.viewer, NewPost(media_ids=(hidden,), visibility=Visibility.PRIVATE))
    await set_media(parts, hidden, status="ready", generation="s1")
    landing = await store.read_landing(parts)
    assert (landing.accounts, landing.environments) == (1, 12)
    assert [(tile.post_id, tile.url) for tile in landing.tiles] == [(post.id, f"/p/{shown}/p1/poster.jpg")]


async def test_the_latest_page_is_read_from_its_index(parts: Parts) -> None:
    mara = await make_member(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            """
            insert into posts (id, account_id, content, visibility, status, sorted_at)
            select gen_random_uuid(), %s, 'x', case when n %% 10 = 0 then 'private' else 'public' end, 'published',
                   now() - make_interval(secs => n)
            from generate_series(1, 20000) as n
            """,
            (mara.viewer.id,),
        )
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("analyze posts")
    # A member's page reads as few rows: those of two index ranges, and of its cards.
    async with parts.primary.transaction() as tx:
        said = queries.see_latest(
            tx.connection,
            readers=[mara.viewer.id],
            before_ats=[_BOUNDS["before_at"]],
            before_ids=[_BOUNDS["before_id"]],
            ns=[20],
        )
        assert len([row async for row in said]) == 1
        read = await (
            await tx.connection.execute(
                "select sum(seq_scan) as scans, sum(idx_tup_fetch) as rows from pg_stat_xact_user_tables where relname = 'posts'"
            )
        ).fetchone()
    assert read is not None
    assert (read["scans"], read["rows"] <= 100) == (0, True), read
    for name, limits in {"list_latest": {}, "list_own": {"account_id": mara.viewer.id}}.items():
        sql = f"explain (analyze, format json) {getattr(queries, name).sql}"
        async with parts.primary.session() as session:
            plan = await (await session.connection.execute(sql, {**limits, **_BOUNDS})).fetchone()
        assert plan is not None
        nodes = list(_walk(plan["QUERY PLAN"][0]["Plan"]))
        assert {node["Node Type"] for node in nodes} <= {"Limit", "Index Scan", "Index Only Scan"}, plan
        assert max(node["Actual Rows"] for node in nodes) <= 21
        assert sum(node.get("Rows Removed by Filter", 0) for node in nodes) == 0


_BOUNDS: dict[str, Any] = {
    "before_at": "9999-01-01T00:00:00Z",
    "before_id": UUID(int=2**128 - 1),
    "from_at": "1970-01-01T00:00:00Z",
    "from_id": UUID(int=0),
    "n": 21,
}


def _walk(node: dict[str, Any]) -> Any:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)
