"""A post by an account with 100,000 followers: how long until it stands in their home feeds.

Run: .venv/bin/python -m bench.feed.fan_out [--followers 100000] [--readers 2000] [--posts 30]
In a stack of its own with a worker: the followers are copied in, `--readers` of them have read their feed before, so that they
have timelines. Each post is accepted in its transaction, with its job; then readers drawn at random read their home feed
until the post is there. Once as it is set (above MENTS_FANOUT_MAX followers the post is pulled), and once with every post pushed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import psycopg
import structlog

from bench.jobs.place import Place as BenchPlace
from bench.jobs.place import open_place
from bench.record import Figure, record
from ments.app import open_parts
from ments.db.keyset import Place
from ments.feeds import timelines_kept as kept
from ments.feeds.timelines import list_home
from ments.jobs.process import work
from ments.jobs.rooms import join_rooms
from ments.parts import Parts
from ments.posts.model import PostPublished
from ments.rooms import ROOMS
from ments.settings import read_settings

_ASKED_AT_ONCE = 10
_ASKED_EVERY_S = 0.02
_LOST_AFTER_S = 30.0
_PUSH_ALL = 10_000_000


@dataclass(frozen=True)
class Measured:
    """Seconds from the commit of a post until a reader finds it, over all posts and readers; and how long the whole push took."""

    waits_s: list[float]
    whole_s: list[float]

    @property
    def p50_s(self) -> float:
        return statistics.median(self.waits_s)

    @property
    def p99_s(self) -> float:
        return statistics.quantiles(self.waits_s, n=100)[98]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--followers", type=int, default=100_000)
    parser.add_argument("--readers", type=int, default=2_000)
    parser.add_argument("--posts", type=int, default=30)
    parser.add_argument("--record", action="store_true", help="into bench/RESULTS.md")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with open_place() as place:
        figures = asyncio.run(measure_all(place, asked.followers, asked.readers, asked.posts))
    for name, figure in figures.items():
        print(f"{name:32} {figure.value:9.3f} {figure.unit:4} {figure.how}")
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")
    if asked.record:
        record(figures)


async def measure_all(place: BenchPlace, followers: int, readers: int, posts: int) -> dict[str, Figure]:
    """Measure both ways on one set of followers."""
    figures: dict[str, Figure] = {}
    author_id = await asyncio.to_thread(fill, place.environ["DATABASE_DIRECT_URL"], followers, readers)
    async with open_parts(read_settings(place.environ)) as parts:
        for way, most in (("pulled", parts.settings.fanout_max), ("pushed", _PUSH_ALL)):
            there = replace(parts, settings=replace(parts.settings, fanout_max=most))
            await parts.valkey.client.flushdb()
            async with worker(there):
                people = await list_readers(there)
                # The first changes sides, if need be, and is not counted.
                await post_and_wait(there, author_id, people[:1])
                await wait_for_jobs(there)
                await warm(there, people)
                measured = await measure(there, author_id, people, posts)
            how = f"{followers:,} followers, {readers:,} of them with a timeline, {posts} posts, {way}"
            figures[f"feed/fan_out_{way}_p99"] = Figure(measured.p99_s, "s", how, "5 s")
            figures[f"feed/fan_out_{way}_p50"] = Figure(measured.p50_s, "s", how)
            figures[f"feed/fan_out_{way}_last"] = Figure(
                max(measured.whole_s), "s", f"{how}; until every reader asked had it, the slowest post", "5 s"
            )
        memory = await parts.valkey.client.memory_usage(kept.home_name(people[0]))
        figures["feed/timeline_bytes"] = Figure(float(memory or 0), "B", "one timeline of 800 posts in Valkey")
    return figures


def fill(database_direct_url: str, followers: int, readers: int) -> UUID:
    """An author with so many followers; those of them who will read follow ten others, too, who have written a hundred posts each.

    database_direct_url  past the pooler: this takes longer than its limits
    """
    author_id = uuid4()
    ten = "(select id from accounts where username like 'r%%' order by username limit 10)"
    with psycopg.connect(database_direct_url, autocommit=True) as connection:
        execute = connection.execute
        # Counted at once below.
        execute("alter table follows disable trigger follows_begun")
        execute("insert into accounts (id, username, email) values (%s, 'wellknown', 'w@bench.example')", (author_id,))
        # 'r...' and, of those who will read, 's...'
        execute(
            "insert into accounts (id, username, email) select gen_random_uuid(), name, name || '@bench.example'"
            " from (select case when n > %s then 'r' else 's' end || n as name from generate_series(1, %s) as n) as named",
            (readers, followers),
        )
        execute(
            "insert into follows (follower_id, followee_id) select id, %s from accounts where id <> %s order by random()",
            (author_id, author_id),
        )
        execute(
            "insert into follows (follower_id, followee_id)"
            f" select s.id, ten.id from accounts s, {ten} as ten where s.username like 's%%'",
            (),
        )
        execute(
            "insert into posts (id, account_id, visibility, status, sorted_at)"
            " select gen_random_uuid(), ten.id, 'public', 'published', now() - make_interval(secs => 60 + n * 7)"
            f" from {ten} as ten, generate_series(1, 100) as n",
            (),
        )
        execute("update accounts set followers = %s where id = %s", (followers, author_id))
        execute("alter table follows enable trigger follows_begun")
        execute("analyze accounts, posts, follows")
    return author_id


async def list_readers(parts: Parts) -> list[UUID]:
    """Those who will read, anywhere among the followers."""
    async with parts.primary.session() as session:
        rows = await session.connection.execute("select id from accounts where username like 's%%'")
        return [row["id"] async for row in rows]


async def warm(parts: Parts, people: list[UUID]) -> None:
    """Let them read their feeds."""
    turns = iter(people)

    async def go_on() -> None:
        for account_id in turns:
            await list_home(parts, account_id, Place.last(), 21)

    await asyncio.gather(*(go_on() for _ in range(4)))


async def wait_for_jobs(parts: Parts) -> None:
    """Until everything accepted is done: an account that changes sides has all its followers' timelines dropped."""
    while True:
        async with parts.primary.session() as session:
            row = await (
                await session.connection.execute("select count(*) as n from jobs where state <> 'done'")
            ).fetchone()
        if row is None or not row["n"]:
            return
        await asyncio.sleep(0.1)


async def measure(parts: Parts, author_id: UUID, people: list[UUID], posts: int) -> Measured:
    """Post again and again, and ask readers drawn at random until they find it."""
    waits: list[float] = []
    whole: list[float] = []
    for _ in range(posts):
        found = await post_and_wait(parts, author_id, random.sample(people, min(_ASKED_AT_ONCE, len(people))))
        waits += found
        whole.append(max(found))
    return Measured(waits, whole)


async def post_and_wait(parts: Parts, author_id: UUID, people: list[UUID]) -> list[float]:
    """Post once; how long it took until each of these found it, in seconds."""
    post_id = uuid4()
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "insert into posts (id, account_id, content, visibility, status) values (%s, %s, 'Day nine.', 'public', 'published')",
            (post_id, author_id),
        )
        await parts.outbox.emit(tx, PostPublished(post_id=post_id, author_id=author_id))
    committed = time.perf_counter()

    async def find(account_id: UUID) -> float:
        while time.perf_counter() - committed < _LOST_AFTER_S:
            places, _ = await list_home(parts, account_id, Place.last(), 21)
            if post_id in {place.id for place in places}:
                return time.perf_counter() - committed
            await asyncio.sleep(_ASKED_EVERY_S)
        raise SystemExit(f"A post had not reached a follower after {_LOST_AFTER_S:.0f} s.")

    return list(await asyncio.gather(*map(find, people)))


@asynccontextmanager
async def worker(parts: Parts) -> AsyncIterator[None]:
    """A worker of light jobs, as `ments worker` runs it, in this process: so the readers' work is in its way, too."""
    stop = asyncio.Event()
    running = asyncio.create_task(
        work(
            {"default": parts.settings.default_concurrency},
            redis_url=parts.settings.redis_url,
            bindings=join_rooms(ROOMS).bindings,
            parts=parts,
            stop=stop,
        )
    )
    try:
        yield
    finally:
        stop.set()
        await running


if __name__ == "__main__":
    main()
