"""Home timelines as they are made, pushed and done without: one build each, few at once, nothing lost on either side of the bound."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from ments.cache import Valkey
from ments.db import Session
from ments.db.keyset import Place
from ments.feeds import fan_out, timelines, timelines_made
from ments.feeds import timelines_kept as kept
from ments.feeds.fan_out_tasks import push_post, remake_after_follow
from ments.jobs import JobContext
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost, PostPublished
from ments.relationships.actions import set_tie
from ments.relationships.model import Followed, TieKind
from posting import Member, NotedLease, list_jobs, make_member

JOB = JobContext("job", "default", "fan_out", 1, 3, NotedLease())


async def follow(parts: Parts, who: Member, whom: Member) -> None:
    await set_tie(parts, who.viewer, TieKind.FOLLOW, whom.viewer.username, wanted=True)


async def write(parts: Parts, author: Member) -> UUID:
    return (await actions.create_post(parts, author.viewer, NewPost("words"))).id


async def home(parts: Parts, reader: Member, n: int = 20) -> tuple[list[UUID], bool]:
    places, was_ready = await timelines.list_home(parts, reader.viewer.id, Place.last(), n)
    return [place.id for place in places], was_ready


async def test_a_post_starts_one_job_and_a_follow_another(parts: Parts) -> None:
    author, reader = await make_member(parts), await make_member(parts)
    await follow(parts, reader, author)
    assert await home(parts, reader) == ([], True)
    post_id = await write(parts, author)
    assert [job["post_id"] for job in await list_jobs(parts, "fan_out")] == [str(post_id)]
    assert len(await list_jobs(parts, "remake_home_after_follow")) == 1
    assert await push_post(parts, JOB, PostPublished(post_id, author.viewer.id)) == 1
    assert await home(parts, reader) == ([post_id], True)
    # Again changes nothing.
    assert await push_post(parts, JOB, PostPublished(post_id, author.viewer.id)) == 1
    assert await home(parts, reader) == ([post_id], True)


async def test_whoever_stays_away_costs_nothing(parts: Parts) -> None:
    author, reader, away = [await make_member(parts) for _ in range(3)]
    for member in (reader, away):
        await follow(parts, member, author)
    await home(parts, reader)
    assert await fan_out.fan_out(parts, await write(parts, author)) == 1
    client = parts.valkey.client
    assert not await client.exists(kept.home_name(away.viewer.id))
    assert 29 * 86_400 < await client.ttl(kept.home_name(reader.viewer.id)) <= 30 * 86_400
    # A push is no reading.
    await client.expire(kept.home_name(reader.viewer.id), 100)
    await fan_out.fan_out(parts, await write(parts, author))
    assert await client.ttl(kept.home_name(reader.viewer.id)) <= 100
    await home(parts, reader)
    assert await client.ttl(kept.home_name(reader.viewer.id)) > 29 * 86_400


async def test_a_follow_shows_at_once_though_nobody_dropped_the_timeline(parts: Parts) -> None:
    reader, one, another = [await make_member(parts) for _ in range(3)]
    await follow(parts, reader, one)
    first, second = await write(parts, one), await write(parts, another)
    assert await home(parts, reader) == ([first], True)
    await follow(parts, reader, another)
    assert await home(parts, reader) == ([second, first], True)
    await remake_after_follow(parts, JOB, Followed(reader.viewer.id, another.viewer.id))
    assert not await parts.valkey.client.exists(kept.home_name(reader.viewer.id))
    await set_tie(parts, reader.viewer, TieKind.FOLLOW, one.viewer.username, wanted=False)
    assert await home(parts, reader) == ([second], True)


async def test_many_readers_of_one_empty_timeline_make_it_once(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    author, reader = await make_member(parts), await make_member(parts)
    await follow(parts, reader, author)
    post_id = await write(parts, author)
    parts = replace(parts, settings=replace(parts.settings, fanout_max=0))
    await fan_out.fan_out(parts, post_id)
    made: list[str] = []
    keep = timelines_made.keep

    async def note(parts: Parts, draft: timelines_made.Draft) -> bool:
        made.append(draft.name)
        return await keep(parts, draft)

    monkeypatch.setattr(timelines_made, "keep", note)
    found = await asyncio.gather(*(home(parts, reader) for _ in range(50)))
    assert found == [([post_id], True)] * 50
    assert sorted(made) == sorted([kept.home_name(reader.viewer.id), kept.author_name(author.viewer.id)])


async def test_without_valkey_postgres_answers_few_at_once(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    author, reader = await make_member(parts), await make_member(parts)
    await follow(parts, reader, author)
    post_id = await write(parts, author)
    # Whether it rests is looked at once all have been answered.
    monkeypatch.setattr(timelines_made, "_REST_S", 60.0)
    away = Valkey("redis://127.0.0.1:1/0")
    alone = replace(parts, valkey=away)
    at_once, most = 0, 0
    list_places = timelines.list_places

    async def watched(rows: Any) -> list[Place]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.001)
        found = await list_places(rows)
        at_once -= 1
        return found

    monkeypatch.setattr(timelines, "list_places", watched)
    found = await asyncio.gather(*(home(alone, reader) for _ in range(100)))
    assert found == [([post_id], False)] * 100
    assert 1 < most <= timelines_made._READS_AT_ONCE
    # Nobody is kept waiting by a Valkey that failed just now.
    assert timelines_made.is_resting(alone)
    assert not timelines_made.is_resting(parts)
    await away.close()


async def test_no_timelines_are_made_while_valkey_is_nearly_full(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    author, reader = await make_member(parts), await make_member(parts)
    await follow(parts, reader, author)
    post_id = await write(parts, author)
    monkeypatch.setattr(timelines_made, "_MEMORY_MAX", 0.0)
    monkeypatch.setattr(timelines_made, "_MEMORY_LOOK_EVERY_S", 0.0)
    assert await home(parts, reader) == ([post_id], False)
    monkeypatch.undo()
    monkeypatch.setattr(timelines_made, "_MEMORY_LOOK_EVERY_S", 0.0)
    assert await home(parts, reader) == ([post_id], True)


async def test_an_account_that_crosses_the_bound_loses_nothing(parts: Parts) -> None:
    author, other, *readers = [await make_member(parts) for _ in range(5)]
    parts = replace(parts, settings=replace(parts.settings, fanout_max=1))
    await follow(parts, readers[0], author)
    await follow(parts, readers[0], other)
    expected: list[UUID] = []

    async def post_and_check(following: list[Member]) -> None:
        expected.insert(0, await write(parts, author))
        # Each has read before the post is pushed, and so has what was there before.
        for reader in following:
            await home(parts, reader)
        await fan_out.fan_out(parts, expected[0])
        for reader in following:
            assert await home(parts, reader) == (expected, True)

    await post_and_check(readers[:1])
    for reader in readers[1:]:
        await follow(parts, reader, author)
    for _ in range(2):
        await post_and_check(readers)
    assert await parts.valkey.client.exists(kept.author_name(author.viewer.id))
    for reader in readers[1:]:
        await set_tie(parts, reader.viewer, TieKind.FOLLOW, author.viewer.username, wanted=False)
    await set_tie(parts, readers[0].viewer, TieKind.FOLLOW, author.viewer.username, wanted=True)
    parts = replace(parts, settings=replace(parts.settings, fanout_max=100))
    for _ in range(2):
        await post_and_check(readers[:1])
    assert not await parts.valkey.client.exists(kept.author_name(author.viewer.id))
    async with parts.primary.session() as session:
        rows = await session.connection.execute("select * from pulled_accounts")
        assert await rows.fetchall() == []


async def test_who_follows_very_many_pulled_accounts_is_served_by_postgres(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines_made.rules, "PULLED_MAX", 1)
    parts = replace(parts, settings=replace(parts.settings, fanout_max=0))
    reader, *authors = [await make_member(parts) for _ in range(3)]
    posts = []
    for author in authors:
        await follow(parts, reader, author)
        posts.insert(0, await write(parts, author))
        await fan_out.fan_out(parts, posts[0])
    for _ in range(2):
        assert (await home(parts, reader))[0] == posts
    assert (await parts.valkey.client.zcard(kept.home_name(reader.viewer.id))) == 2


async def _explain(session: Session, sql: str, **values: Any) -> dict[str, Any]:
    row = await (await session.connection.execute(f"explain (analyze, format json) {sql}", values)).fetchone()
    assert row is not None
    plan: dict[str, Any] = row["QUERY PLAN"][0]["Plan"]
    return plan


def _scans(node: dict[str, Any]) -> list[dict[str, Any]]:
    own = [node] if node.get("Relation Name") == "posts" else []
    return own + [scan for child in node.get("Plans", ()) for scan in _scans(child)]


async def test_making_and_checking_read_few_rows(parts: Parts) -> None:
    """Of 40,000 posts by 500 who are followed, one of whom wrote ten times as much as others: 801 newest, few more are read."""
    reader = await make_member(parts)
    async with parts.primary.transaction() as tx:
        execute = tx.connection.execute
        await execute(
            "insert into accounts (id, username, email)"
            " select gen_random_uuid(), 'f' || n, 'f' || n || '@ments.example' from generate_series(1, 500) as n"
        )
        await execute("insert into follows select %s, id from accounts where username like 'f%%'", (reader.viewer.id,))
        await execute(
            "insert into posts (id, account_id, visibility, status, sorted_at)"
            " select gen_random_uuid(), a.id, 'public', 'published', now() - make_interval(secs => random() * 1000000)"
            " from (select id, username from accounts where username like 'f%%') as a,"
            " generate_series(1, case when a.username = 'f1' then 800 else 80 end) as n"
        )
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("analyze posts, follows, accounts")
    queries = timelines_made.queries
    async with parts.primary.session() as session:
        making = await _explain(
            session, queries.list_newest_of_followed.sql, viewer_id=reader.viewer.id, pulled=[], n=801
        )
        rows = [row async for row in queries.list_newest_of_followed(session.connection, viewer_id=reader.viewer.id, pulled=[], n=801)]  # fmt: skip
        plain = await timelines.list_plainly(parts, reader.viewer.id, Place.last(), 801)
        assert [Place(row["sorted_at"], row["id"]) for row in rows] == plain
        since = datetime.now(UTC) - timedelta(days=400)
        checking = await _explain(
            session,
            queries.list_true.sql,
            viewer_id=reader.viewer.id,
            ids=[place.id for place in plain[:25]],
            before_at=Place.last().at,
            before_id=Place.last().id,
            from_at=since,
            from_id=uuid4(),
            n=21,
        )
    for plan, most in ((making, 2_000 + 500 * 4 + 2_000), (checking, 25 + 21)):
        scans = _scans(plan)
        assert scans
        assert {scan["Node Type"] for scan in scans} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, plan
        read = sum(
            (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"] for scan in scans
        )
        assert read <= most, (read, plan)
