"""Tables that are filled without their indexes: in the end nothing is missing, however often the run was killed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from threading import Event, Timer
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from ments.accounts.model import Account
from ments.parts import Parts
from ments.seed import bare, copying, lanes
from ments.seed import fill as filling
from ments.seed.fill import Filled, fill
from ments.seed.lanes import run_lanes
from ments.seed.plan import SeedPlan, SeedRefused

MakeAccount = Callable[..., Awaitable[Account]]

PLAN = SeedPlan(accounts=300, posts=900, follows=2_000, likes=3_000, seed=7)
TABLES = ("posts", "post_hashtags", "follows", "likes")
_SCHEMA = {
    "tables": "select tablename from pg_tables where schemaname = 'public'",
    "indexes": "select tablename, indexdef from pg_indexes where schemaname = 'public'",
    "constraints": "select conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated from pg_constraint",
    # Those that check references have numbers in their names.
    "triggers": (
        "select t.tgrelid::regclass::text, t.tgfoid::regproc::text, t.tgtype, t.tgenabled, c.conname,"
        " case when not t.tgisinternal then pg_get_triggerdef(t.oid) end"
        " from pg_trigger t left join pg_constraint c on c.oid = t.tgconstraint"
    ),
}


def schema(url: str) -> set[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return {(name, *row) for name, query in _SCHEMA.items() for row in connection.execute(query).fetchall()}  # type: ignore[arg-type]


def one(url: str, statement: str) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()  # type: ignore[arg-type]
    return row[0] if row else None


def lacking(url: str) -> set[str]:
    if one(url, "select to_regclass('seed_taken_away')") is None:
        return set()
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute("select distinct relation from seed_taken_away").fetchall()}


async def run(url: str, on_progress: Callable[[str, int, int], None], plan: SeedPlan = PLAN) -> Filled:
    return await asyncio.to_thread(fill, url, plan, on_progress, bare_from=1)


def is_whole(url: str) -> None:
    for table, count in (("accounts", 300), ("posts", 900), ("follows", 2_000), ("likes", 3_000)):
        assert one(url, f"select count(*) from {table}") == count
    counted = (
        "select count(*) from accounts a where followers <> (select count(*) from follows where followee_id = a.id)"
        " or following <> (select count(*) from follows where follower_id = a.id)"
    )
    assert one(url, counted) == 0
    assert (
        one(url, "select count(*) from posts p where likes <> (select count(*) from likes where post_id = p.id)") == 0
    )
    assert one(url, "select (select count(*) from follow_lines) + (select count(*) from counter_lines)") == 0


async def test_what_is_taken_away_is_back_in_the_end(parts: Parts) -> None:
    url = parts.settings.database_direct_url
    before, seen, told = schema(url), set(), []

    def look(table: str, done: int, total: int) -> None:
        told.append((table, done, total))
        if table in TABLES and done == total:
            seen.update({table} & lacking(url))
            # Primary keys and what belongs to members' writes is there all the time.
            assert one(url, f"select count(*) from pg_indexes where tablename = '{table}'") == 1

    assert (await run(url, look)).likes == 3_000
    assert seen == {"posts", "follows", "likes"}
    assert schema(url) ^ before == set()
    is_whole(url)
    ends = [(done, total) for table, done, total in told if table == "indexes of follows"]
    # Told again before each try.
    assert list(dict.fromkeys(ends)) == [(n, 4) for n in range(5)]
    assert await run(url, lambda *_: None) == Filled()


# Killed after this many tellings of this: in the midst of rows, and when some indexes are back and others are not.
@pytest.mark.parametrize(
    ("what", "number"),
    [("posts", 2), ("indexes of post_hashtags and posts", 4), ("follows", 1), ("indexes of follows", 3), ("likes", 3)],
)
async def test_a_run_that_was_killed_is_ended_by_the_next(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, what: str, number: int
) -> None:
    url = parts.settings.database_direct_url
    before = schema(url)
    program = f"""
import os, signal, sys
from ments.seed import copying, fill
from ments.seed.plan import SeedPlan
fill.BATCH, copying.PAIRS_BATCH = 250, 700
seen = []
def tell(table, done, total):
    seen.append(table)
    if seen.count({what!r}) == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
fill.fill(sys.argv[1], {PLAN!r}, tell, bare_from=1)
"""
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program, url], timeout=60)
    assert done.returncode == -9
    assert lacking(url)
    monkeypatch.setattr(filling, "BATCH", 250)
    monkeypatch.setattr(copying, "PAIRS_BATCH", 700)
    await run(url, lambda *_: None)
    assert schema(url) ^ before == set()
    is_whole(url)


async def test_another_place_puts_back_what_the_one_before_left(parts: Parts) -> None:
    url = parts.settings.database_direct_url
    before = schema(url)

    def cut_off(table: str, *_: int) -> None:
        if table == "follows":
            raise ConnectionError("the power is gone")

    with pytest.raises(ConnectionError):
        await run(url, cut_off)
    assert "follows" in lacking(url)
    # The same number, but another size.
    with pytest.raises(SeedRefused):
        await run(url, lambda *_: None, SeedPlan(301, 900, 2_000, 3_000, seed=7))
    assert schema(url) ^ before == set()


async def test_a_table_that_a_member_has_written_to_keeps_all_it_has(parts: Parts, make_account: MakeAccount) -> None:
    url = parts.settings.database_direct_url
    before = schema(url)
    ada, bela = await make_account("ada"), await make_account("bela")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("insert into follows (follower_id, followee_id) values (%s, %s)", (ada.id, bela.id))
    lacked = set[str]()

    def look(table: str, *_: int) -> None:
        if table in TABLES:
            lacked.update(lacking(url))

    await run(url, look)
    assert lacked == {"posts", "post_hashtags", "likes"}
    assert schema(url) ^ before == set()
    assert one(url, "select count(*) from follows") == 2_001


async def test_members_write_meanwhile_and_who_is_deleted_leaves_nothing(
    parts: Parts, make_account: MakeAccount
) -> None:
    url = parts.settings.database_direct_url
    before = schema(url)
    ada = await make_account("ada")

    def write(table: str, *_: int) -> None:
        # Once, with posts copied, and likes not yet.
        if table != "posts":
            return
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "insert into follows (follower_id, followee_id) select %s, id from accounts where username = 'seed7_1'"
                " on conflict (follower_id, followee_id) do nothing",
                (ada.id,),
            )
            connection.execute(
                "insert into environments (id, slug, name, position) values (gen_random_uuid(), 'gone', 'Gone', 99)"
            )
            connection.execute(
                "update posts set environment_id = (select id from environments where slug = 'gone') where id in (select id from posts limit 10)"
            )
            # What a reference refuses, it refuses meanwhile as well.
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                connection.execute("delete from environments where slug = 'gone'")
            connection.execute(
                "update posts set environment_id = null where environment_id in (select id from environments where slug = 'gone')"
            )
            connection.execute("delete from environments where slug = 'gone'")
            most = "select account_id from posts group by account_id order by count(*) desc limit 1"
            connection.execute(f"delete from accounts where id = ({most})")

    await run(url, write)
    assert schema(url) ^ before == set()
    for table, column in (
        ("follows", "followee_id"),
        ("follows", "follower_id"),
        ("likes", "account_id"),
        ("posts", "account_id"),
    ):
        assert (
            one(url, f"select count(*) from {table} o where not exists (select from accounts where id = o.{column})")
            == 0
        )
    assert one(url, "select count(*) from posts") < 900
    assert one(url, "select count(*) from likes") < 3_000
    assert (
        one(url, "select count(*) from follows f join accounts a on a.id = f.follower_id where username = 'ada'") == 1
    )


async def test_two_at_once_are_refused(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    url = parts.settings.database_direct_url
    monkeypatch.setattr(filling, "_WAIT_S", 1)
    refused = []

    def again(table: str, *_: int) -> None:
        if table == "accounts":
            with pytest.raises(SeedRefused, match="at work") as caught:
                fill(url, PLAN, lambda *_: None)
            refused.append(caught)

    await run(url, again)
    assert len(refused) == 1


async def test_an_index_is_known_by_more_than_its_name(parts: Parts) -> None:
    url = parts.settings.database_direct_url
    before = schema(url)

    def take_names(table: str, done: int, total: int) -> None:
        if (table, done) != ("follows", total):
            return
        with psycopg.connect(url, autocommit=True) as connection:
            named = (
                "select name from seed_taken_away where relation = 'follows' and kind = 'index' order by name limit 1"
            )
            name = connection.execute(named).fetchone()
            assert name is not None
            names.append(name[0])
            connection.execute(f"create table {name[0]} (n int)")

    names = list[str]()
    with pytest.raises(SeedRefused, match="something else has this name"):
        await run(url, take_names)
    assert "follows" in lacking(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"drop table {names[0]}")
        # Fails, as there is more than one row, and leaves an index that is not valid.
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(f"create unique index concurrently {names[0]} on follows ((1))")
    await run(url, lambda *_: None)
    assert schema(url) ^ before == set()
    is_whole(url)


async def test_a_lane_that_waits_for_a_lock_ends_with_the_other(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    url, tries = parts.settings.database_direct_url, 0
    sleeping, told, stop = Event(), Event(), lanes._stop

    def sleep_until_told(_: float) -> None:
        sleeping.set()
        told.wait(60)

    def stop_and_tell(*given: Any) -> None:
        stop(*given)
        told.set()

    # The other fails while this one sleeps, which it does for nearly all the time: no statement is there to be cancelled.
    monkeypatch.setattr(bare, "time", SimpleNamespace(sleep=sleep_until_told))
    monkeypatch.setattr(lanes, "_stop", stop_and_tell)
    with psycopg.connect(url) as holder:

        def wait(connection: Any, tell: Callable[[str, int, int], None]) -> None:
            nonlocal tries
            for attempt in bare._tries(lambda: tell("follows", 0, 1)):
                tries += 1
                with attempt, connection.transaction():
                    connection.execute("lock table follows in share mode nowait")
                    break

        def fail(*_: Any) -> None:
            assert sleeping.wait(60)
            raise ConnectionError("the power is gone")

        holder.execute("lock table follows in access exclusive mode")
        with pytest.raises(ConnectionError):
            await asyncio.to_thread(run_lanes, url, [wait, fail], lambda *_: None)
    assert tries == 1


async def test_a_limit_on_statements_ends_no_seed(parts: Parts) -> None:
    url = parts.settings.database_direct_url
    before, waits = schema(url), list[Timer]()
    # In the connection's start, as a role's limit would be there too.
    limited = f"{url}{'&' if '?' in url else '?'}options=-c%20statement_timeout%3D300ms"
    with psycopg.connect(limited) as connection, pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute("select pg_sleep(1)")

    def hold(table: str, *_: int) -> None:
        if table == "accounts":
            # What posts are asked for first waits for this.
            holder = psycopg.connect(url)
            holder.execute("lock table environments in access exclusive mode")
            waits.append(Timer(1, holder.close))
            waits[0].start()

    await run(limited, hold)
    waits[0].join()
    assert schema(url) ^ before == set()
    is_whole(url)
