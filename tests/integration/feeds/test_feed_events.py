"""What pages tell of feeds: written once, within bounds, of posts that the teller may see, and gone after a month."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import msgspec
import pytest

from ments.feeds import events_store, rank_tasks
from ments.feeds.events import EventKind, FeedEvent, FeedEventsSent
from ments.feeds.events_rules import A_DAY_MOST
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost, Visibility
from ments.posts.store import list_environments
from ments.relationships.actions import set_tie
from ments.relationships.model import TieKind
from posting import Member, NotedLease, fetch_row, job_of, list_jobs, make_member, open_api


def event(post_id: object, kind: str = "impression", **more: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "kind": kind, "post_id": str(post_id), **more}


async def tell(api: httpx2.AsyncClient, who: Member, *events: dict[str, Any]) -> httpx2.Response:
    return await api.post("/api/feed/events", json={"events": list(events)}, headers=who.headers)


async def run_jobs(parts: Parts) -> None:
    """Run the jobs that write events, as a worker would; the ledger keeps them as waiting, so each call runs all."""
    for payload in await list_jobs(parts, "write_feed_events"):
        sent = msgspec.convert(payload, FeedEventsSent, strict=False)
        lease = NotedLease()
        await rank_tasks.write_feed_events(parts, job_of("write_feed_events", lease=lease), sent)
        assert lease.commits == 1


async def rows_of(parts: Parts, who: Member) -> list[dict[str, Any]]:
    async with parts.primary.session() as session:
        rows = await session.connection.execute(
            "select * from feed_events where account_id = %s order by happened_at, event_id", [who.viewer.id]
        )
        return [row async for row in rows]


async def test_events_are_written_once_however_often_they_are_sent(parts: Parts) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    post = await actions.create_post(parts, jonas.viewer, NewPost("Trays #climate #trays"))
    now = datetime.now(UTC)
    seen = event(post.id, dwell_ms=4000, at=now.isoformat(), source="pipeline")
    async with open_api(parts) as api:
        answer = await tell(api, mara, seen, event(post.id, "click"), seen)
        assert (answer.status_code, answer.json()) == (202, {"accepted": 2})
        assert (await tell(api, mara, seen)).status_code == 202
        # Another account's event of the same id is another event.
        assert (await tell(api, await make_member(parts), seen)).status_code == 202
        await run_jobs(parts)
        await run_jobs(parts)
    impression, click = sorted(await rows_of(parts, mara), key=lambda row: row["kind"], reverse=True)
    assert (impression["kind"], impression["dwell_ms"], impression["source"]) == ("impression", 4000, "pipeline")
    assert (impression["happened_at"], click["kind"], click["dwell_ms"]) == (now, "click", None)
    interests = await fetch_row(
        parts, "select jsonb_object_agg(kind || ' ' || key, score) as found from interests where account_id = %s", mara.viewer.id
    )  # fmt: skip
    found = interests["found"]
    assert found == {
        f"author {jonas.viewer.id}": pytest.approx(1.2, abs=1e-3),
        "form text": pytest.approx(0.3, abs=1e-3),
        "hashtag climate": pytest.approx(0.6, abs=1e-3),
        "hashtag trays": pytest.approx(0.6, abs=1e-3),
    }


async def test_times_that_cannot_be_are_moved_and_dwells_bounded(parts: Parts) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    post = await actions.create_post(parts, jonas.viewer, NewPost("Trays"))
    before = datetime.now(UTC)
    async with open_api(parts) as api:
        await tell(
            api,
            mara,
            event(post.id, at="2031-01-01T00:00:00Z", dwell_ms=10**9, source="nonsense"),
            event(post.id, at="2001-01-01T00:00:00", dwell_ms=-4),
            event(post.id, at="0001-01-01T00:00:00+14:00"),
        )
        for wrong in ({"events": [{"id": "x"}]}, {"events": [event(post.id, "gaze")]}, {}, []):
            refused = await api.post("/api/feed/events", json=wrong, headers=mara.headers)
            assert refused.status_code in (400, 422), refused.text
        many = await tell(api, mara, *[event(post.id) for _ in range(101)])
        assert (many.status_code, many.json()["code"]) == (422, "too_many_events")
        await run_jobs(parts)
        assert (await tell(api, mara)).json() == {"accepted": 0}
    rows = await rows_of(parts, mara)
    assert len(rows) == 3
    for row in rows:
        assert before - timedelta(days=1) <= row["happened_at"] <= datetime.now(UTC)
        assert row["dwell_ms"] in (0, 600_000)
        assert row["source"] is None


async def test_what_the_teller_may_not_see_is_dropped_and_nobody_is_told(parts: Parts) -> None:
    """The answer is the same for a post that is not there, is hidden, private, deleted, or one's own."""
    mara, jonas, other = [await make_member(parts) for _ in range(3)]
    public = await actions.create_post(parts, jonas.viewer, NewPost("Everybody's"))
    followers = await actions.create_post(parts, jonas.viewer, NewPost("Mine", visibility=Visibility.FOLLOWERS))
    private = await actions.create_post(parts, jonas.viewer, NewPost("Alone", visibility=Visibility.PRIVATE))
    deleted = await actions.create_post(parts, jonas.viewer, NewPost("Gone"))
    await actions.delete_post(parts, jonas.viewer, deleted.id)
    own = await actions.create_post(parts, mara.viewer, NewPost("By herself"))
    await set_tie(parts, other.viewer, TieKind.BLOCK, jonas.viewer.username, wanted=True)
    every = [public.id, followers.id, private.id, deleted.id, own.id, uuid4()]
    async with open_api(parts) as api:
        answers = [(await tell(api, who, *[event(post) for post in every])) for who in (mara, other)]
        assert [(a.status_code, a.json()) for a in answers] == [(202, {"accepted": 6})] * 2
        assert (await api.post("/api/feed/events", json={"events": [event(public.id)]})).status_code == 401
        await run_jobs(parts)
        assert [row["post_id"] for row in await rows_of(parts, mara)] == [public.id]
        # The blocked pair: nothing of the author's; of the third one's posts, all that is public.
        assert [row["post_id"] for row in await rows_of(parts, other)] == [own.id]
        await set_tie(parts, mara.viewer, TieKind.FOLLOW, jonas.viewer.username, wanted=True)
        await tell(api, mara, event(followers.id))
        await run_jobs(parts)
    assert {row["post_id"] for row in await rows_of(parts, mara)} == {public.id, followers.id}


async def test_an_account_has_so_many_events_a_day(parts: Parts) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    post = await actions.create_post(parts, jonas.viewer, NewPost("Trays"))
    events = tuple(FeedEvent(uuid4(), EventKind.CLICK, post.id, datetime.now(UTC)) for _ in range(10))
    async with parts.primary.transaction() as tx:
        await events_store.queries.count_events(tx.connection, account_id=mara.viewer.id, n=A_DAY_MOST - 4)
        assert await events_store.write_events(tx, mara.viewer.id, events, {}) == 4
    async with parts.primary.transaction() as tx:
        assert await events_store.write_events(tx, mara.viewer.id, events, {}) == 0
        await tx.connection.execute("update feed_readers set day = current_date - 1")
    async with parts.primary.transaction() as tx:
        assert await events_store.write_events(tx, mara.viewer.id, events, {}) == 6


async def test_jobs_of_one_account_at_once_lose_nothing(parts: Parts) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    post = await actions.create_post(parts, jonas.viewer, NewPost("Trays"))

    async def write(event_id: UUID) -> None:
        sent = FeedEventsSent(mara.viewer.id, (FeedEvent(event_id, EventKind.CLICK, post.id, datetime.now(UTC)),))
        await rank_tasks.write_feed_events(parts, job_of("write_feed_events"), sent)

    ids = [uuid4() for _ in range(6)]
    await asyncio.gather(*[write(event_id) for event_id in (*ids, *ids)])
    assert len(await rows_of(parts, mara)) == 6
    row = await fetch_row(parts, "select score from interests where kind = 'author'")
    assert row["score"] == pytest.approx(6, abs=1e-3)


async def test_interests_fade_and_the_weakest_go(parts: Parts) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    rooms = await list_environments(parts)
    post = await actions.create_post(parts, jonas.viewer, NewPost("Trays", environment_id=rooms[0].id))
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "insert into interests (account_id, kind, key, score, at) "
            "select %s, 'hashtag', 'tag' || n, 0.001 * n, now() - interval '14 days' from generate_series(1, 450) as n",
            [mara.viewer.id],
        )
        await tx.connection.execute(
            "insert into interests values (%s, 'author', %s, 8, now() - interval '28 days')",
            [mara.viewer.id, str(jonas.viewer.id)],
        )
    click = FeedEvent(uuid4(), EventKind.CLICK, post.id, datetime.now(UTC))
    await rank_tasks.write_feed_events(parts, job_of("write_feed_events"), FeedEventsSent(mara.viewer.id, (click,)))
    row = await fetch_row(parts, "select score from interests where kind = 'author'")
    assert row["score"] == pytest.approx(8 / 4 + 1, abs=1e-3)
    row = await fetch_row(parts, "select count(*) as n, min(score) as least from interests")
    assert row["n"] == 400
    assert row["least"] == pytest.approx(0.054)


async def test_reactions_become_interests_once(parts: Parts) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    post = await actions.create_post(parts, jonas.viewer, NewPost("Trays"))
    async with parts.primary.transaction() as tx:
        for table in ("likes", "reposts", "bookmarks"):
            await tx.connection.execute(
                f"insert into {table} (account_id, post_id) values (%s, %s)", [mara.viewer.id, post.id]
            )
    await actions.create_post(parts, mara.viewer, NewPost("Indeed", parent_post_id=post.id))
    later = datetime.now(UTC) + timedelta(seconds=10)
    for now, n in ((later, 4), (later + timedelta(seconds=1), 0), (later - timedelta(seconds=5), 0)):
        async with parts.primary.transaction() as tx:
            assert await events_store.fold_reactions(tx, mara.viewer.id, now) == n
    row = await fetch_row(parts, "select score from interests where kind = 'author'")
    assert row["score"] == pytest.approx(3 + 4 + 3 + 5, abs=1e-3)


async def test_old_events_are_swept(parts: Parts) -> None:
    mara, jonas = await make_member(parts), await make_member(parts)
    post = await actions.create_post(parts, jonas.viewer, NewPost("Trays"))
    events = tuple(FeedEvent(uuid4(), EventKind.CLICK, post.id, datetime.now(UTC)) for _ in range(3))
    async with parts.primary.transaction() as tx:
        await events_store.write_events(tx, mara.viewer.id, events, {})
        await tx.connection.execute(
            "update feed_events set received_at = now() - interval '31 days' where event_id = %s", [events[0].id]
        )
    assert await events_store.sweep_events(parts.primary) == 1
    assert {row["event_id"] for row in await rows_of(parts, mara)} == {one.id for one in events[1:]}
