"""Timelines and pages that were spoilt are found by comparing them with plain SQL, told as a metric, and right again."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from prometheus_client import REGISTRY

from ments.cache.entry import Entry, pack_entry, unpack_entry
from ments.db.keyset import Place
from ments.feeds import self_audit, shared, store, timelines
from ments.feeds import timelines_kept as kept
from ments.feeds.fan_out_tasks import audit_feeds
from ments.feeds.model import FeedKind
from ments.parts import Parts
from ments.relationships.actions import set_tie
from ments.relationships.model import TieKind
from posting import Member, make_member


async def write_old(parts: Parts, author: Member, n: int) -> list[UUID]:
    """Posts of an hour ago, a minute apart: nothing of them is on its way any more. The newest first."""
    ids = [uuid4() for _ in range(n)]
    async with parts.primary.transaction() as tx:
        for number, post_id in enumerate(ids):
            await tx.connection.execute(
                "insert into posts (id, account_id, visibility, status, sorted_at) values (%s, %s, 'public', 'published', %s)",
                (post_id, author.viewer.id, datetime.now(UTC) - timedelta(minutes=60 + number)),
            )
    return ids


def divergence(what: str) -> float:
    return REGISTRY.get_sample_value("ments_feed_divergence_entries", {"what": what}) or 0.0


async def read(parts: Parts, reader: Member) -> list[UUID]:
    places, was_ready = await timelines.list_home(parts, reader.viewer.id, Place.last(), 20)
    assert was_ready
    return [place.id for place in places]


async def test_a_timeline_that_lacks_posts_is_found_and_repaired(parts: Parts) -> None:
    author, reader, other = [await make_member(parts) for _ in range(3)]
    for member in (reader, other):
        await set_tie(parts, member.viewer, TieKind.FOLLOW, author.viewer.username, wanted=True)
    posts = await write_old(parts, author, 5)
    assert await read(parts, reader) == await read(parts, other) == posts
    audit = await self_audit.audit_timelines(parts)
    assert (audit.compared, audit.differed, divergence("timelines")) == (2, {}, 0)
    name = kept.home_name(reader.viewer.id)
    await parts.valkey.client.zrem(name, posts[1].bytes, posts[3].bytes)
    # What is too much is left out when it is read.
    await parts.valkey.client.zadd(kept.home_name(other.viewer.id), {uuid4().bytes: 1.7e15})
    assert await read(parts, reader) == [posts[0], posts[2], posts[4]]
    audit = await self_audit.audit_timelines(parts)
    assert (audit.compared, audit.differed, divergence("timelines")) == (2, {name: 2}, 2)
    assert await read(parts, reader) == await read(parts, other) == posts
    await audit_feeds(parts)
    assert divergence("timelines") == 0


async def test_what_was_posted_lately_may_be_on_its_way(parts: Parts) -> None:
    author, reader = [await make_member(parts) for _ in range(2)]
    await set_tie(parts, reader.viewer, TieKind.FOLLOW, author.viewer.username, wanted=True)
    await write_old(parts, author, 1)
    await read(parts, reader)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "insert into posts (id, account_id, visibility, status) values (%s, %s, 'public', 'published')",
            (uuid4(), author.viewer.id),
        )
    assert (await self_audit.audit_timelines(parts)).differed == {}


async def test_a_page_that_lacks_a_post_is_found_and_purged(parts: Parts) -> None:
    posts = await write_old(parts, await make_member(parts), 5)

    async def shown(limit: int) -> list[UUID]:
        page = await store.read_feed(parts, None, FeedKind.LATEST, limit=limit)
        return [post.id for post in page.posts]

    assert (await shown(3), await shown(20)) == (posts[:3], posts)
    audit = await self_audit.audit_pages(parts)
    assert (audit.compared, audit.differed) == (2, {})
    name = f"page:{shared.page_key(FeedKind.LATEST, 20, None)}"
    entry = unpack_entry(await parts.valkey.client.get(name))
    assert entry is not None
    page: dict[str, Any] = msgspec.json.decode(entry.value)
    del page["posts"][2]
    spoilt = pack_entry(Entry(msgspec.json.encode(page), time.time() + 3600))
    await parts.valkey.client.set(name, spoilt)
    audit = await self_audit.audit_pages(parts)
    assert audit.differed == {name: 1}
    assert divergence("pages") == 1
    assert await shown(20) == posts
