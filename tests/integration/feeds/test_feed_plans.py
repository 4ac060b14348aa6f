"""Among many posts no query of feeds scans a table, and none reads more rows than its page asks for.

50,000 posts, so that the suite stays short; `make bench-feed ONLY=plans` runs the same at 1,000,000 (MENTS_PLAN_POSTS).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import ClientCursor, sql
from psycopg.rows import tuple_row

from ments.db import load_queries
from ments.db.migrate import run_migrations
from ments.feeds import rank_read, timelines_made
from ments.feeds.paging import queries as pages
from ments.posts import hashtags_store
from ments.seed.fill import fill
from ments.seed.plan import SeedPlan
from ments.settings import read_settings
from running_stack import RunningStack

POSTS = int(os.environ.get("MENTS_PLAN_POSTS", "50000"))
PLAN = SeedPlan(accounts=POSTS // 5, posts=POSTS, follows=POSTS * 3, likes=POSTS)
# Loading a million takes longer than a test may.
pytestmark = pytest.mark.timeout(900 if POSTS > 100_000 else 180)

LARGE = {"posts", "accounts", "follows", "likes", "post_hashtags", "trending_heat"}
N = 21
PAGE = {"before_at": datetime(9999, 1, 1, tzinfo=UTC), "before_id": UUID(int=2**128 - 1), "n": N}
_RANK = load_queries(rank_read.__file__, "rank.sql")
_TRENDING = load_queries(rank_read.__file__, "trending.sql")
_TIMELINES = load_queries(timelines_made.__file__, "timelines.sql")
_HASHTAGS = load_queries(hashtags_store.__file__, "hashtags.sql")


@dataclass(frozen=True)
class Crowd:
    """The place, and what of it is asked for: a member who follows many, one who wrote most, some newest posts."""

    connection: psycopg.Connection[Any]
    member_id: UUID
    followed: int
    most_followed_id: UUID
    author_id: UUID
    room_id: UUID
    tag: str
    newest: list[UUID]


@pytest.fixture(scope="module")
def crowd(stack: RunningStack, worker_id: str) -> Iterator[Crowd]:
    name = f"test_plans_{worker_id}"
    with psycopg.connect(stack.superuser_url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} owner ments").format(sql.Identifier(name)))
        admin.execute(sql.SQL("alter database {} set synchronous_commit = off").format(sql.Identifier(name)))
        settings = read_settings(stack.env_for_database(name, 0))
        run_migrations(settings.database_direct_url)
        fill(settings.database_direct_url, PLAN, lambda *_: None)
        with psycopg.connect(
            settings.database_direct_url, autocommit=True, cursor_factory=ClientCursor, row_factory=tuple_row
        ) as connection:
            # As many as can be warm at all: every post that was liked.
            connection.execute("insert into trending_heat select post_id, random() from likes group by post_id")
            connection.execute(f"vacuum (analyze) {', '.join(sorted(LARGE))}")
            yield _look_around(connection)
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _look_around(connection: psycopg.Connection[Any]) -> Crowd:
    def one(statement: str) -> Any:
        row = connection.execute(statement).fetchone()
        assert row is not None
        return row

    member_id, followed = one("select id, following from accounts order by following desc limit 1")
    return Crowd(
        connection,
        member_id=member_id,
        followed=followed,
        most_followed_id=one("select followee_id from follows group by 1 order by count(*) desc limit 1")[0],
        author_id=one("select account_id from posts group by 1 order by count(*) desc limit 1")[0],
        room_id=one("select environment_id from posts where environment_id is not null limit 1")[0],
        tag=one("select tag from post_hashtags group by 1 order by count(*) desc limit 1")[0],
        newest=[row[0] for row in connection.execute("select id from posts order by sorted_at desc limit 500")],
    )


SINCE = datetime.now(UTC) - timedelta(days=30)


def _asked(crowd: Crowd, name: str) -> tuple[Any, dict[str, Any], int]:
    """The query of a name, what it is asked, and the most rows that it may read."""
    me, followed = crowd.member_id, crowd.followed
    edges = [60.0 * 2**step for step in range(10)]
    until = datetime.now(UTC)
    asked: dict[str, tuple[Any, dict[str, Any], int]] = {
        "latest": (pages.list_latest, PAGE, N),
        "following": (pages.list_following, PAGE | {"viewer_id": me}, 2 * followed + N * N + 2 * N + 10),
        "own": (pages.list_own, PAGE | {"account_id": crowd.author_id, "from_at": SINCE, "from_id": UUID(int=0)}, N),
        "profile": (pages.list_profile, PAGE | {"account_id": crowd.author_id, "follows": True}, N),
        "environment": (pages.list_environment, PAGE | {"environment_id": crowd.room_id, "viewer_id": me}, 2 * N),
        "hashtag": (_HASHTAGS.list_tagged, PAGE | {"tag": crowd.tag, "viewer_id": me}, 4 * N),
        "ties": (_TIMELINES.find_ties, {"viewer_id": me, "most": 200}, 2 * followed + 10),
        "timeline": (
            _TIMELINES.list_newest_of_followed,
            {"viewer_id": me, "pulled": [], "n": 800},
            followed + 1600 + 800 * 4,
        ),
        "timeline of an author": (_TIMELINES.list_newest_of_author, {"account_id": crowd.author_id, "n": 800}, 800),
        "followers": (
            _TIMELINES.find_followers_batch,
            PAGE | {"account_id": crowd.most_followed_id, "prefix": "tl:", "n": 1000},
            1000,
        ),
        "timeline checked": (
            _TIMELINES.list_true,
            PAGE | {"viewer_id": me, "ids": crowd.newest[:25], "from_at": SINCE, "from_id": UUID(int=0)},
            25 * 3 + N + 10,
        ),
        "ranking: of those followed": (
            _RANK.list_followed_posts,
            {"account_id": me, "since": SINCE, "n": 300},
            2 * followed + 400,
        ),
        "ranking: passed on": (_RANK.list_passed_on, {"account_id": me, "since": SINCE, "n": 100}, followed + 900),
        "ranking: by authors": (_RANK.list_by_authors, {"author_ids": [crowd.author_id], "since": SINCE}, 3),
        "ranking: by hashtags": (_RANK.list_by_hashtags, {"tags": [crowd.tag], "since": SINCE}, 8),
        "ranking: by rooms": (_RANK.list_by_environments, {"environment_ids": [crowd.room_id], "since": SINCE}, 20),
        "ranking: newest": (_RANK.list_newest, {"n": 200}, 200),
        "ranking: facts": (_RANK.list_facts, {"account_id": me, "ids": crowd.newest}, 500 * 6),
        "ranking: seen": (_RANK.list_seen, {"account_id": me, "ids": crowd.newest}, 500),
        "ranking: in time": (_RANK.list_in_time, PAGE | {"account_id": crowd.author_id}, 2 * N),
        "trending: warmest": (_TRENDING.list_warmest, {"n": 200}, 200),
        "trending: pulses": (
            _TRENDING.list_pulses,
            {"ids": crowd.newest[:100], "until": until, "window_s": 86_400, "edges": edges, "most": 500},
            100 + 100 * 1_000,
        ),
    }
    return asked[name]


NAMES = (
    "latest", "following", "own", "profile", "environment", "hashtag", "ties", "timeline", "timeline of an author",
    "followers", "timeline checked", "ranking: of those followed", "ranking: passed on", "ranking: by authors",
    "ranking: by hashtags", "ranking: by rooms", "ranking: newest", "ranking: facts", "ranking: seen", "ranking: in time",
    "trending: warmest", "trending: pulses",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_reads_no_more_than_its_page(crowd: Crowd, name: str) -> None:
    query, values, most = _asked(crowd, name)
    # What aiosql made of the named query: placeholders by name, and per cent signs doubled.
    row = crowd.connection.execute(f"explain (analyze, timing off, format json) {query.sql}", values).fetchone()
    assert row is not None
    nodes = list(_walk(row[0][0]["Plan"]))
    scanned = [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"]
    assert not LARGE & set(scanned)
    read = sum(map(_rows_read, nodes))
    assert read <= most, f"{read} rows read, {most} allowed"


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _walk(child)


def _rows_read(node: dict[str, Any]) -> int:
    """Rows that a scan of a large table touched, with those it threw away; each look of a nested loop counts."""
    if node.get("Relation Name") not in LARGE:
        return 0
    thrown = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return math.ceil((node["Actual Rows"] + thrown) * node["Actual Loops"])


FUNCTIONS = {
    "cards": ("select see_cards(%(member_id)s::uuid, %(ids)s::uuid[], true)", N * 5),
    "cards of a visitor": ("select see_cards(null, %(ids)s::uuid[], true)", N * 5),
    "cards' rows": ("select card_rows(%(ids)s::uuid[], %(member_id)s::uuid)", N * 4),
    "home of a member": (
        "select see_home(%(member_id)s::uuid, %(ids)s::uuid[], %(before_at)s::timestamptz, %(before_id)s, %(since)s::timestamptz,"
        " %(first_id)s::uuid, 20)",
        N * 8,
    ),
    "ranked of a member": ("select see_first(%(member_id)s::uuid, %(ids)s::uuid[], 3)", N * 6),
    "blended of a member": ("select see_blended(%(member_id)s::uuid, 20, 20)", N * 10),
    "latest of a member": ("select see_latest(%(member_id)s::uuid, %(before_at)s::timestamptz, %(before_id)s, 20)", N * 8),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_read_no_more_than_their_page(crowd: Crowd, name: str) -> None:
    statement, most = FUNCTIONS[name]
    values = PAGE | {"member_id": crowd.member_id, "ids": crowd.newest[:N], "since": SINCE, "first_id": UUID(int=0)}
    # What the session read before would count as well until it is flushed.
    crowd.connection.execute("select pg_stat_force_next_flush()")
    with crowd.connection.transaction():
        # Plans within functions are told to nobody: what this transaction read of each table is.
        crowd.connection.execute(statement, values)
        rows = crowd.connection.execute(
            "select relname, seq_tup_read, coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relname = any(%s)",
            [sorted(LARGE)],
        ).fetchall()
    assert {relname: scanned for relname, scanned, _ in rows if scanned} == {}
    read = sum(fetched for _, _, fetched in rows)
    assert read <= most, f"{read} rows fetched, {most} allowed"
