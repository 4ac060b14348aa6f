"""One post liked by 10,000 accounts: lines that are folded each second, beside a plain update of the post's row.

Run: .venv/bin/python -m bench.feed.likes [--accounts 10000] [--at-once 20] [--limit-s 60]
Prints likes a second and how long a like takes; records nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

from bench.jobs.place import open_place
from ments.db import Primary
from ments.posts import reactions_store
from ments.posts.counters import fold_counts
from ments.posts.reactions import Reaction
from ments.posts.seen import find_seen_post

# As a like of ours, without the lines: the row of the post is written by everybody.
_PLAIN = """
with made as (
  insert into plain_likes (account_id, post_id) values (%(account_id)s, %(post_id)s) on conflict do nothing returning post_id
)
update posts set likes = likes + 1 from made where posts.id = made.post_id
"""
_ACCOUNTS = """
insert into accounts (id, username, email) select id, 'u' || replace(id::text, '-', ''), id || '@bench.example'
from unnest(%s::uuid[]) as id
"""

Like = Callable[[Primary, UUID, UUID], Awaitable[None]]


@dataclass(frozen=True)
class Measured:
    """What one way of liking came to; waits in ms."""

    likes: int
    seconds: float
    p50: float
    p95: float

    @property
    def rate(self) -> float:
        return self.likes / self.seconds

    def describe(self) -> str:
        return f"{self.rate:7.0f} likes/s   p50 {self.p50:6.1f} ms   p95 {self.p95:6.1f} ms   ({self.likes:,} in {self.seconds:.1f} s)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--limit-s", type=float, default=60)
    asked = parser.parse_args()
    with open_place() as place:
        asyncio.run(compare(place.environ["DATABASE_URL"], asked.accounts, asked.at_once, asked.limit_s))


async def compare(database_url: str, accounts: int, at_once: int, limit_s: float) -> tuple[Measured, Measured]:
    """Like one post in our way, and another in the plain one, after a few likes of each to warm up; returns both."""
    primary = Primary(database_url, size=at_once + 1)
    await primary.open()
    try:
        people = await make_accounts(primary, accounts)
        for like in (like_by_line, like_by_row):
            await measure(primary, like, await make_post(primary, people[0]), people[:200], at_once, limit_s)
        ours = await measure(primary, like_by_line, await make_post(primary, people[0]), people, at_once, limit_s)
        plain = await measure(primary, like_by_row, await make_post(primary, people[0]), people, at_once, limit_s)
    finally:
        await primary.close()
    print(f"{at_once} at once, one post")
    print(f"lines, folded each second  {ours.describe()}")
    print(f"update of the post's row   {plain.describe()}")
    print(
        f"ratio                      {ours.rate / plain.rate:7.2f} x likes/s   {plain.p95 / ours.p95:5.2f} x shorter p95"
    )
    return ours, plain


async def measure(
    primary: Primary, like: Like, post_id: UUID, people: list[UUID], at_once: int, limit_s: float
) -> Measured:
    """Let people like a post, `at_once` of them at any moment, until all have or the time is up; then count."""
    waits: list[float] = []
    turns = iter(people)
    started = time.perf_counter()

    async def go_on(turns: Iterator[UUID]) -> None:
        for account_id in turns:
            asked = time.perf_counter()
            if asked - started > limit_s:
                return
            await like(primary, account_id, post_id)
            waits.append((time.perf_counter() - asked) * 1000)

    folding = asyncio.create_task(fold_each_second(primary))
    await asyncio.gather(*(go_on(turns) for _ in range(at_once)))
    seconds = time.perf_counter() - started
    folding.cancel()
    await asyncio.gather(folding, return_exceptions=True)
    while await fold_counts(primary):
        pass
    async with primary.session() as session:
        row = await (await session.connection.execute("select likes from posts where id = %s", [post_id])).fetchone()
    assert row is not None
    if row["likes"] != len(waits):
        raise SystemExit(f"{len(waits)} liked, and {row['likes']} were counted")
    return Measured(len(waits), seconds, statistics.median(waits), statistics.quantiles(waits, n=20)[18])


async def fold_each_second(primary: Primary) -> None:
    """What the relay's clock does."""
    while True:
        await fold_counts(primary)
        await asyncio.sleep(1)


async def like_by_line(primary: Primary, account_id: UUID, post_id: UUID) -> None:
    """As the API does it, once it knows who asks."""
    async with primary.transaction() as tx:
        await find_seen_post(tx, account_id, post_id)
        await reactions_store.set_reaction(tx, Reaction.LIKE, account_id, post_id, wanted=True)


async def like_by_row(primary: Primary, account_id: UUID, post_id: UUID) -> None:
    """The same, with the count kept in the post's row."""
    async with primary.transaction() as tx:
        await find_seen_post(tx, account_id, post_id)
        await tx.connection.execute(_PLAIN, {"account_id": account_id, "post_id": post_id})


async def make_accounts(primary: Primary, n: int) -> list[UUID]:
    ids = [uuid4() for _ in range(n)]
    async with primary.transaction() as tx:
        await tx.connection.execute(_ACCOUNTS, [ids])
        await tx.connection.execute("create table if not exists plain_likes (like likes including all)")
        await tx.connection.execute(
            "alter table plain_likes add foreign key (account_id) references accounts, add foreign key (post_id) references posts"
        )
    return ids


async def make_post(primary: Primary, author_id: UUID) -> UUID:
    post_id = uuid4()
    async with primary.transaction() as tx:
        await tx.connection.execute(
            "insert into posts (id, account_id, content, visibility, status) values (%s, %s, 'Day nine.', 'public', 'published')",
            [post_id, author_id],
        )
    return post_id


if __name__ == "__main__":
    main()
