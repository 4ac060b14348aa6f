"""Fill a database by COPY, a batch a transaction: what is there already is passed over, so that a run that was cut off goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import numpy as np
import psycopg
from psycopg import sql

from ments.seed import rows
from ments.seed.plan import Numbers, SeedPlan, SeedRefused

BATCH = 50_000
PAIRS_BATCH = 250_000
_SPAN = timedelta(days=365)
_RECENCY = 1.6
"""Places grow: half of what was ever posted is of the last third of the time."""

Progress = Callable[[str, int, int], None]
"""Called with a table, how many of its rows are there, and how many there will be."""


@dataclass
class Filled:
    """Rows that were added."""

    accounts: int = 0
    posts: int = 0
    hashtags: int = 0
    follows: int = 0
    likes: int = 0


def fill(database_direct_url: str, plan: SeedPlan, on_progress: Progress) -> Filled:
    """Add what the plan asks for, unless it is there. Followed, liked and following are counted in the rows themselves.

    database_direct_url  past the pooler: batches take longer than its limits
    Raises psycopg.Error, SeedRefused.
    """
    filled = Filled()
    now = datetime.now(UTC)
    with psycopg.connect(database_direct_url, autocommit=True) as connection:
        _check_place(connection, plan)
        _fill_accounts(connection, plan, filled, on_progress)
        _fill_posts(connection, plan, now, filled, on_progress)
        filled.follows = _fill_pairs(
            connection,
            _Pairs("follows", ("follower_id", "followee_id"), "follows_begun", plan.follow_pairs),
            lambda pairs: (
                rows.make_ids(rows.ACCOUNT, plan.place, pairs // plan.accounts),
                rows.make_ids(rows.ACCOUNT, plan.place, pairs % plan.accounts),
            ),
            now,
            on_progress,
        )
        filled.likes = _fill_pairs(
            connection,
            _Pairs("likes", ("post_id", "account_id"), "likes_begun", plan.like_pairs),
            lambda pairs: (
                rows.make_ids(rows.POST, plan.place, pairs // plan.accounts),
                rows.make_ids(rows.ACCOUNT, plan.place, pairs % plan.accounts),
            ),
            now,
            on_progress,
        )
        if filled != Filled():
            connection.execute("analyze accounts, posts, follows, likes, post_hashtags")
    return filled


def _check_place(connection: Any, plan: SeedPlan) -> None:
    name = rows.username(plan.seed, 0)
    (first,) = rows.make_uuids(rows.ACCOUNT, plan.place, np.zeros(1, dtype=np.int64))
    found = connection.execute("select id from accounts where username = %s", (name,)).fetchone()
    if found is not None and found[0] != first:
        raise SeedRefused(f"A place of other sizes has been made with --seed {plan.seed}. Choose another number.")


def _fill_accounts(connection: Any, plan: SeedPlan, filled: Filled, on_progress: Progress) -> None:
    followers, following = plan.count_followers(), plan.count_following()
    for numbers in _batches(plan.accounts):
        (first,) = rows.make_uuids(rows.ACCOUNT, plan.place, numbers[:1])
        with _batch(connection, "accounts", "id = %s", (first,)) as is_new:
            if is_new:
                _copy(
                    connection,
                    "copy accounts (id, username, email, full_name, headline, followers, following) from stdin",
                    rows.account_rows(plan.place, numbers, followers[numbers], following[numbers]),
                )
                filled.accounts += len(numbers)
        on_progress("accounts", int(numbers[-1]) + 1, plan.accounts)


def _fill_posts(connection: Any, plan: SeedPlan, now: datetime, filled: Filled, on_progress: Progress) -> None:
    rooms = [row[0] for row in connection.execute("select id from environments order by position").fetchall()]
    authors, likes = plan.authors, plan.count_likes()
    for numbers in _batches(plan.posts):
        (first,) = rows.make_uuids(rows.POST, plan.place, numbers[:1])
        with _batch(connection, "posts", "id = %s", (first,)) as is_new:
            if is_new:
                tags = _copy_posts(connection, plan, numbers, authors[numbers], likes[numbers], rooms, now)
                _copy(connection, "copy post_hashtags (tag, sorted_at, post_id) from stdin", tags)
                filled.posts += len(numbers)
                filled.hashtags += len(tags)
        on_progress("posts", int(numbers[-1]) + 1, plan.posts)


def _copy_posts(
    connection: Any, plan: SeedPlan, numbers: Numbers, authors: Numbers, likes: Numbers, rooms: list[Any], now: datetime
) -> list[tuple[object, ...]]:
    """Copy posts, the newest of which are the last numbers; returns the rows of their hashtags."""
    ages = (1 - (numbers + 1) / plan.posts) ** _RECENCY * _SPAN.total_seconds()
    ids = rows.make_uuids(rows.POST, plan.place, numbers)
    owners = rows.make_uuids(rows.ACCOUNT, plan.place, authors)
    tags: list[tuple[object, ...]] = []

    def lines() -> Iterator[tuple[object, ...]]:
        for number, id_, owner, age_s, liked in zip(
            numbers.tolist(), ids, owners, ages.tolist(), likes.tolist(), strict=True
        ):
            at = now - timedelta(seconds=age_s)
            said, tag = rows.words(number)
            if tag:
                tags.append((tag, at, id_))
            # Every second post is in a room.
            room = rooms[number // 2 % len(rooms)] if rooms and number % 2 else None
            yield (id_, owner, room, said, "public", "published", at, at, liked)

    _copy(
        connection,
        "copy posts (id, account_id, environment_id, content, visibility, status, sorted_at, created_at, likes) from stdin",
        lines(),
    )
    return tags


@dataclass(frozen=True)
class _Pairs:
    """A table of two ids and a time, whose counting trigger is left out: the counts stand in the rows already."""

    table: LiteralString
    columns: tuple[LiteralString, LiteralString]
    trigger: LiteralString
    pairs: Numbers


def _fill_pairs(
    connection: Any, of: _Pairs, make: Callable[[Numbers], tuple[Any, Any]], now: datetime, on_progress: Progress
) -> int:
    added, total = 0, len(of.pairs)
    table, trigger = sql.Identifier(of.table), sql.Identifier(of.trigger)
    columns = sql.SQL(", ").join(sql.Identifier(column) for column in (*of.columns, "created_at"))
    for start in range(0, total, PAIRS_BATCH):
        first, second = make(of.pairs[start : start + PAIRS_BATCH])
        condition = f"{of.columns[0]} = %s and {of.columns[1]} = %s"
        known = (UUID(bytes=bytes(first[0])), UUID(bytes=bytes(second[0])))
        with _batch(connection, of.table, condition, known) as is_new:
            if is_new:
                connection.execute(sql.SQL("alter table {} disable trigger {}").format(table, trigger))
                statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(table, columns)
                with connection.cursor() as cursor, cursor.copy(statement) as copy:
                    copy.write(rows.BINARY_HEAD + rows.pair_rows(first, second, now) + rows.BINARY_END)
                connection.execute(sql.SQL("alter table {} enable trigger {}").format(table, trigger))
                added += len(first)
        on_progress(of.table, min(total, start + PAIRS_BATCH), total)
    return added


def _batches(total: int) -> Iterator[Numbers]:
    for start in range(0, total, BATCH):
        yield np.arange(start, min(total, start + BATCH), dtype=np.int64)


@contextmanager
def _batch(connection: Any, table: str, condition: str, values: tuple[object, ...]) -> Iterator[bool]:
    """One transaction; tells whether its first row is not there yet, and with it all the others."""
    with connection.transaction():
        found = connection.execute(f"select 1 from {table} where {condition}", values).fetchone()  # noqa: S608 (names of ours)
        yield found is None


def _copy(connection: Any, statement: LiteralString, lines: Iterable[Iterable[object]]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for line in lines:
            copy.write_row(line)
