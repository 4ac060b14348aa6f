"""Fill a database by COPY, a batch a transaction: what is there already is passed over, so that a run that was cut off goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from ments.seed import bare, rows, words
from ments.seed.copying import Pairs, Progress, batch, copy_pairs, copy_rows
from ments.seed.lanes import Lane, connect, run_lanes
from ments.seed.plan import Numbers, SeedPlan, SeedRefused

BATCH = 50_000
BARE_FROM = 1_000_000
"""So many rows for a table that is empty: then indexes are made after them."""
_ACCOUNT = ("id", "username", "email", "full_name", "headline", "followers", "following")
_POST = (
    "id", "account_id", "environment_id", "content", "visibility", "status", "sorted_at", "created_at", "likes"
)  # fmt: skip
_HASHTAG = ("tag", "sorted_at", "post_id")
_SPAN = timedelta(days=365)
_RECENCY = 1.6
"""Places grow: half of what was ever posted is of the last third of the time."""

_ONE_AT_A_TIME = 0x73656564  # "seed"
_WAIT_S = 30


@dataclass
class Filled:
    """Rows that were added."""

    accounts: int = 0
    posts: int = 0
    hashtags: int = 0
    follows: int = 0
    likes: int = 0


@dataclass(frozen=True)
class _Turn:
    """What is filled at once: tables, how many rows the first of them gets, and how."""

    relations: tuple[str, ...]
    count: int
    fill: Callable[[Any, SeedPlan, datetime, Filled, Progress], None]


def fill(database_direct_url: str, plan: SeedPlan, on_progress: Progress, *, bare_from: int = BARE_FROM) -> Filled:
    """Add what the plan asks for, unless it is there. Followed, liked and following are counted in the rows themselves.

    database_direct_url  past the pooler: batches take longer than its limits
    bare_from  rows that a table is to get, from which on it is filled without its indexes, if it has none
    Raises psycopg.Error, SeedRefused.
    """
    filled = Filled()
    now = datetime.now(UTC)
    with connect(database_direct_url) as connection:
        _be_alone(connection)
        # Another place's run was cut off: this one may be refused, and does not need what that one has not copied.
        _put_back(connection, bare.find_taken(connection, not_by=plan.place), on_progress)
        bare.forget(connection)
        _check_place(connection, plan)
        _fill_accounts(connection, plan, filled, on_progress)

        turns = (
            _Turn(("posts", "post_hashtags"), plan.posts, _fill_posts),
            _Turn(("likes",), plan.likes, _fill_likes),
            _Turn(("follows",), plan.follows, _fill_follows),
        )
        # All at once, before anything is long: an empty table needs no index.
        for turn in turns:
            if turn.count >= bare_from:
                for relation in turn.relations:
                    bare.take_away(connection, relation, plan.place)

        def lane(*turns: _Turn) -> Lane:
            def run(connection: Any, on_progress: Progress) -> None:
                for turn in turns:
                    turn.fill(connection, plan, now, filled, on_progress)
                    _put_back(connection, bare.find_taken(connection, turn.relations), on_progress)

            return run

        # Likes point to posts, and come after.
        run_lanes(database_direct_url, [lane(*turns[:2]), lane(turns[2])], on_progress)
        bare.forget(connection)
        if filled != Filled():
            connection.execute("analyze accounts, posts, follows, likes, post_hashtags")
    return filled


def _be_alone(connection: Any) -> None:
    """Refuse to work beside another run; one that was killed a moment ago is waited for."""
    for _ in range(_WAIT_S):
        if connection.execute("select pg_try_advisory_lock(%s)", (_ONE_AT_A_TIME,)).fetchone()[0]:
            return
        time.sleep(1)
    raise SeedRefused("Another `ments seed` is at work here. Wait for its end.")


def _put_back(connection: Any, taken: list[bare.Taken], on_progress: Progress) -> None:
    if taken:
        tables = " and ".join(sorted({one.relation for one in taken}))
        bare.put_back(connection, taken, lambda done, total: on_progress(f"indexes of {tables}", done, total))


def _check_place(connection: Any, plan: SeedPlan) -> None:
    name = words.username(plan.seed, 0)
    (first,) = rows.make_uuids(rows.ACCOUNT, plan.place, np.zeros(1, dtype=np.int64))
    found = connection.execute("select id from accounts where username = %s", (name,)).fetchone()
    if found is not None and found[0] != first:
        raise SeedRefused(f"A place of other sizes has been made with --seed {plan.seed}. Choose another number.")


def _fill_accounts(connection: Any, plan: SeedPlan, filled: Filled, on_progress: Progress) -> None:
    followers, following = plan.count_followers(), plan.count_following()
    for numbers in _batches(plan.accounts):
        (first,) = rows.make_uuids(rows.ACCOUNT, plan.place, numbers[:1])
        with batch(connection, "accounts", {"id": first}) as is_new:
            if is_new:
                found = rows.account_rows(plan.place, numbers, followers[numbers], following[numbers])
                copy_rows(connection, "accounts", _ACCOUNT, found)
                filled.accounts += len(numbers)
        on_progress("accounts", int(numbers[-1]) + 1, plan.accounts)


def _fill_posts(connection: Any, plan: SeedPlan, now: datetime, filled: Filled, on_progress: Progress) -> None:
    rooms = [row[0] for row in connection.execute("select id from environments order by position").fetchall()]
    authors, likes = plan.authors, plan.count_likes()
    for numbers in _batches(plan.posts):
        (first,) = rows.make_uuids(rows.POST, plan.place, numbers[:1])
        with batch(connection, "posts", {"id": first}) as is_new:
            if is_new:
                # The newest are the last numbers.
                ages = (1 - (numbers + 1) / plan.posts) ** _RECENCY * _SPAN.total_seconds()
                at = rows.microseconds(now) - np.rint(ages * 1e6).astype(np.int64)
                posts = rows.Posts(plan.place, numbers, authors[numbers], at, likes[numbers])
                copy_rows(connection, "posts", _POST, rows.post_rows(posts, rooms))
                tags, count = rows.hashtag_rows(posts)
                copy_rows(connection, "post_hashtags", _HASHTAG, tags)
                filled.posts += len(numbers)
                filled.hashtags += count
        on_progress("posts", int(numbers[-1]) + 1, plan.posts)


def _fill_follows(connection: Any, plan: SeedPlan, now: datetime, filled: Filled, on_progress: Progress) -> None:
    filled.follows = copy_pairs(
        connection,
        Pairs("follows", ("follower_id", "followee_id"), "follows_begun", plan.follow_pairs),
        lambda pairs: (
            rows.make_ids(rows.ACCOUNT, plan.place, pairs // plan.accounts),
            rows.make_ids(rows.ACCOUNT, plan.place, pairs % plan.accounts),
        ),
        now,
        on_progress,
    )


def _fill_likes(connection: Any, plan: SeedPlan, now: datetime, filled: Filled, on_progress: Progress) -> None:
    filled.likes = copy_pairs(
        connection,
        Pairs("likes", ("account_id", "post_id"), "likes_begun", plan.like_pairs),
        lambda pairs: (
            rows.make_ids(rows.ACCOUNT, plan.place, pairs // plan.posts),
            rows.make_ids(rows.POST, plan.place, pairs % plan.posts),
        ),
        now,
        on_progress,
    )


def _batches(total: int) -> Iterator[Numbers]:
    for start in range(0, total, BATCH):
        yield np.arange(start, min(total, start + BATCH), dtype=np.int64)
