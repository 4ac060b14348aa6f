"""The ranked feed: the order ranked is the order served, and it stays right whatever happens to its posts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from ments.cache.entry import Entry, pack_entry
from ments.feeds import rank_actions, rank_kept, rank_tasks
from ments.feeds.events import EventKind, FeedEvent, FeedEventsSent
from ments.feeds.rank_model import Source
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost, Visibility
from ments.relationships.actions import set_tie
from ments.relationships.model import TieKind
from posting import job_of, list_jobs, make_member, open_api
from ranking import like, make_trending, read_feed, texts, walk_feed, write_posts


async def see(parts: Parts, who: UUID, *posts: UUID) -> None:
    """Let an account have seen posts."""
    events = tuple(FeedEvent(uuid4(), EventKind.IMPRESSION, post, datetime.now(UTC), 2000) for post in posts)
    await rank_tasks.write_feed_events(parts, job_of("write_feed_events"), FeedEventsSent(who, events))


async def test_the_order_ranked_is_the_order_served(parts: Parts) -> None:
    mara, followed, *others = [await make_member(parts) for _ in range(5)]
    await set_tie(parts, mara.viewer, TieKind.FOLLOW, followed.viewer.username, wanted=True)
    for author in (followed, *others):
        await write_posts(parts, author, 3)
    own = (await write_posts(parts, mara, 1, "My own"))[0]
    ranking = await rank_actions.make_ranking(parts, mara.viewer.id)
    order = [post.post_id for post in ranking.posts]
    assert len(order) == 12
    assert own not in order
    assert (ranking.posts[0].author_id, ranking.posts[0].source) == (followed.viewer.id, Source.FOLLOWING)
    async with open_api(parts) as api:
        for limit in (1, 3, 12, 50):
            served = await walk_feed(api, mara, f"kind=for_you&limit={limit}")
            # What the reader just wrote comes first, then the ranking, and the feed ends.
            assert served == [(post, "pipeline") for post in texts([own, *order])]
        # Without a kind, a member is given the ranked feed, and each account its own.
        assert (await read_feed(api, mara, ""))["source"] == "pipeline"
        assert (await read_feed(api, others[0], ""))["source"] == "chronological"
        assert (await read_feed(api, None, "kind=for_you"))["source"] == "chronological"


async def test_pages_stay_right_while_posts_come_go_and_are_hidden(parts: Parts) -> None:
    mara, jonas, kofi, wen = [await make_member(parts) for _ in range(4)]
    for author in (jonas, kofi, wen):
        await write_posts(parts, author, 4)
    order = [post.post_id for post in (await rank_actions.make_ranking(parts, mara.viewer.id)).posts]
    owner = {post.post_id: post.author_id for post in (await rank_actions.make_ranking(parts, mara.viewer.id)).posts}
    async with open_api(parts) as api:
        first = await read_feed(api, mara, "kind=for_you&limit=4")
        shown = [UUID(post["id"]) for post in first["posts"]]
        assert shown == order[:4]
        # Added, deleted, muted, and a ranking that takes the place of this one.
        new = await write_posts(parts, jonas, 1, "Later")
        gone = next(post for post in order[4:] if owner[post] == jonas.viewer.id)
        await actions.delete_post(parts, jonas.viewer, gone)
        await set_tie(parts, mara.viewer, TieKind.MUTE, wen.viewer.username, wanted=True)
        again = await rank_actions.make_ranking(parts, mara.viewer.id)
        rest: list[str] = []
        cursor = first["cursor"]
        while cursor:
            page = await read_feed(api, mara, f"kind=for_you&limit=4&cursor={cursor}")
            rest += [post["id"] for post in page["posts"] if page["source"] == "pipeline"]
            cursor = page["cursor"]
        assert rest == texts([post for post in order[4:] if post != gone and owner[post] != wen.viewer.id])
        assert new[0] in [post.post_id for post in again.posts]
        assert {post.author_id for post in again.posts} == {jonas.viewer.id, kofi.viewer.id}


async def test_what_was_seen_is_not_ranked_again(parts: Parts) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    posts = await write_posts(parts, jonas, 5)
    await rank_actions.make_ranking(parts, mara.viewer.id)
    await see(parts, mara.viewer.id, posts[0], posts[3])
    await like(parts, posts[1], mara)
    ranking = await rank_actions.make_ranking(parts, mara.viewer.id)
    assert {post.post_id for post in ranking.posts} == {posts[2], posts[4]}
    async with open_api(parts) as api:
        served = await walk_feed(api, mara)
        # The rest by time is what neither was seen nor ranked: what was liked elsewhere.
        assert [post for post, source in served if source == "pipeline"] == texts([p.post_id for p in ranking.posts])
        assert [post for post, source in served if source == "chronological"] == texts([posts[1]])
        await see(parts, mara.viewer.id, *posts)
        assert (await rank_actions.make_ranking(parts, mara.viewer.id)).posts == ()
        # All was seen: everything, by time, rather than an empty page.
        served = await walk_feed(api, mara)
        assert served == [(post, "chronological") for post in reversed(texts(posts))]


async def test_what_a_reader_wrote_comes_first_where_nothing_could_be_ranked(parts: Parts) -> None:
    """Who joins an empty place has an empty ranking for a while; others write, and so do they."""
    mara, jonas = await make_member(parts), await make_member(parts)
    assert (await rank_actions.make_ranking(parts, mara.viewer.id)).posts == ()
    others = await write_posts(parts, jonas, 3)
    own = await write_posts(parts, mara, 2, "My own")
    newest = await write_posts(parts, jonas, 1, "Newer than those")
    wanted = texts([*reversed(own), *newest, *reversed(others)])
    async with open_api(parts) as api:
        for limit in (2, 3, 6, 50):
            assert await walk_feed(api, mara, f"kind=for_you&limit={limit}") == [
                (post, "chronological") for post in wanted
            ]
        # Nothing of others: one's own, by time.
        assert (await rank_actions.make_ranking(parts, jonas.viewer.id)).posts != ()
        await see(parts, jonas.viewer.id, *own)
        assert (await rank_actions.make_ranking(parts, jonas.viewer.id)).posts == ()
        served = await walk_feed(api, jonas, "kind=for_you&limit=2")
        assert [post for post, _ in served] == texts([*newest, *reversed(own), *reversed(others)])


async def test_a_cold_reader_gets_latest_blended_with_trending_and_asks_for_a_ranking_once(parts: Parts) -> None:
    mara, jonas, kofi, wen = [await make_member(parts) for _ in range(4)]
    old = (await write_posts(parts, jonas, 1, "Much liked"))[0]
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update posts set sorted_at = now() - interval '20 hours' where id = %s", [old])
        await tx.connection.execute("update posts set created_at = sorted_at")
    newer = await write_posts(parts, kofi, 3)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "update posts set sorted_at = sorted_at - interval '1 hour' where id = any(%s)", [newer]
        )
    await like(parts, old, kofi, wen)
    await make_trending(parts)
    newest = (await write_posts(parts, kofi, 1))[0]
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update posts set sorted_at = now() + interval '1 minute' where id = %s", [newest])
    waiting = await actions.create_post(parts, mara.viewer, NewPost("Alone", visibility=Visibility.PRIVATE))
    async with open_api(parts) as api:
        served = await walk_feed(api, mara, "kind=for_you&limit=2")
        # It has its place where it began to trend, and no second one further down.
        wanted = [newest, old, waiting.id, *reversed(newer)]
        assert sorted(served) == sorted((post, "chronological") for post in texts(wanted))
        at = [post for post, _ in served]
        assert at.index(str(newest)) == 0
        assert at.index(str(old)) < at.index(str(newer[-1]))
        # The pages of before stay as they are while another list is made.
        first = await read_feed(api, mara, "kind=for_you&limit=2")
        await like(parts, newer[0], wen, jonas)
        await make_trending(parts)
        second = await read_feed(api, mara, f"kind=for_you&limit=50&cursor={first['cursor']}")
        together = [post["id"] for post in first["posts"] + second["posts"]]
        assert together == at
    jobs = await list_jobs(parts, "rank_feed")
    assert jobs == [{"account_id": str(mara.viewer.id)}]


async def test_asking_for_a_ranking_is_counted_and_the_next_page_has_it(parts: Parts) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    await write_posts(parts, jonas, 3)
    async with open_api(parts) as api:
        assert (await api.post("/api/feed/refresh")).status_code == 401
        for _ in range(3):
            asked = await api.post("/api/feed/refresh", headers=mara.headers)
            assert (asked.status_code, asked.json()) == (202, {"ranking": True})
        assert len(await list_jobs(parts, "rank_feed")) == 1
        await rank_actions.make_ranking(parts, mara.viewer.id)
        assert (await read_feed(api, mara))["source"] == "pipeline"
        answers = [(await api.post("/api/feed/refresh", headers=mara.headers)).status_code for _ in range(12)]
        assert answers[0] == 202
        assert answers[-1] == 429
        # Somebody else's count is their own, and reading a fresh ranking asks for none.
        assert (await api.post("/api/feed/refresh", headers=jonas.headers)).status_code == 202
        n = len(await list_jobs(parts, "rank_feed"))
        await read_feed(api, mara, "kind=for_you&limit=1")
        assert len(await list_jobs(parts, "rank_feed")) == n


async def test_cursors_of_other_lists_and_forged_ones_are_refused(parts: Parts) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    await write_posts(parts, jonas, 4)
    async with open_api(parts) as api:
        cold = (await read_feed(api, mara, "kind=for_you&limit=1"))["cursor"]
        latest = (await read_feed(api, mara, "kind=latest&limit=1"))["cursor"]
        await rank_actions.make_ranking(parts, mara.viewer.id)
        ranked = (await read_feed(api, mara, "kind=for_you&limit=1"))["cursor"]
        for cursor in (latest, ranked[:-3], "x", ranked[::-1], "A" * 60):
            answer = await api.get(f"/api/feed?kind=for_you&cursor={cursor}", headers=mara.headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor"), cursor
        for cursor in (cold, ranked):
            answer = await api.get(f"/api/feed?kind=latest&cursor={cursor}", headers=mara.headers)
            assert answer.status_code == 400
        # Another account's cursor shows nothing of their ranking: it goes on by time, from when it was made.
        page = await read_feed(api, jonas, f"kind=for_you&cursor={ranked}")
        assert page["source"] == "chronological"


@pytest.mark.parametrize("harm", ["gone", "cut", "altered", "nonsense"])
async def test_a_ranking_that_is_lost_or_damaged_is_no_error(parts: Parts, harm: str) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    await write_posts(parts, jonas, 4)
    ranking = await rank_actions.make_ranking(parts, mara.viewer.id)
    key = f"rk:{mara.viewer.id}"
    client = parts.valkey.client
    async with open_api(parts) as api:
        first = await read_feed(api, mara, "kind=for_you&limit=2")
        raw = await client.get(key)
        assert isinstance(raw, bytes)
        for name in (key, f"{key}:why"):
            match harm:
                case "gone":
                    await client.delete(name)
                case "cut":
                    await client.set(name, raw[:-5])
                case "altered":
                    await client.set(name, raw[:-3] + b"abc")
                case "nonsense":
                    await client.set(name, pack_entry(Entry(b"\xc1nonsense", 9e9)))
        assert (await read_feed(api, mara, "kind=for_you&limit=3"))["source"] == "chronological"
        rest = await read_feed(api, mara, f"kind=for_you&cursor={first['cursor']}&limit=50")
        assert rest["source"] == "chronological"
        why = await api.get(f"/api/feed/why?post_id={ranking.posts[0].post_id}", headers=mara.headers)
        assert (why.status_code, why.json()["place"]) == (200, None)


async def test_why_tells_what_the_ranking_was_made_of(parts: Parts) -> None:
    mara, jonas, kofi = [await make_member(parts) for _ in range(3)]
    await set_tie(parts, mara.viewer, TieKind.FOLLOW, jonas.viewer.username, wanted=True)
    (post,) = await write_posts(parts, jonas, 1)
    hidden = await actions.create_post(parts, kofi.viewer, NewPost("Mine", visibility=Visibility.FOLLOWERS))
    ranking = await rank_actions.make_ranking(parts, mara.viewer.id)
    async with open_api(parts) as api:
        why = (await api.get(f"/api/feed/why?post_id={post}", headers=mara.headers)).json()
        assert why["says"][0] == "You follow its author."
        assert (why["place"], why["source"], why["score"]) == (1, "following", ranking.posts[0].score)
        assert sum(part["part"] for part in why["features"]) * why["boost"] == pytest.approx(why["score"])
        # Another account is told of its own ranking, and nobody of what they may not see.
        assert (await api.get(f"/api/feed/why?post_id={post}", headers=kofi.headers)).json()["place"] is None
        for missing in (hidden.id, uuid4()):
            assert (await api.get(f"/api/feed/why?post_id={missing}", headers=mara.headers)).status_code == 404
        assert (await api.get(f"/api/feed/why?post_id={post}")).status_code == 401
        await set_tie(parts, jonas.viewer, TieKind.BLOCK, mara.viewer.username, wanted=True)
        assert (await api.get(f"/api/feed/why?post_id={post}", headers=mara.headers)).status_code == 404
        assert await walk_feed(api, mara) == []


async def test_rankings_that_are_made_at_once_leave_a_whole_one(parts: Parts) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    await write_posts(parts, jonas, 6)
    made = await asyncio.gather(*[rank_actions.make_ranking(parts, mara.viewer.id) for _ in range(4)])
    order = await rank_kept.find_order(parts.valkey, mara.viewer.id)
    assert order is not None
    assert (order.id, list(order.posts)) in [(one.id, [post.post_id for post in one.posts]) for one in made]
