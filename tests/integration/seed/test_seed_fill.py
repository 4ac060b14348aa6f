"""A made-up place in a real database: whole, counted, and made once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psycopg
import pytest

from ments.accounts.rules import username_error
from ments.parts import Parts
from ments.seed import copying
from ments.seed import fill as filling
from ments.seed.fill import Filled, fill
from ments.seed.plan import SeedPlan, SeedRefused
from running_stack import clean_environ, ments

PLAN = SeedPlan(accounts=300, posts=900, follows=2_000, likes=3_000, seed=7)


async def run(parts: Parts, plan: SeedPlan = PLAN) -> tuple[Filled, list[tuple[str, int, int]]]:
    told: list[tuple[str, int, int]] = []
    filled = await asyncio.to_thread(
        fill, parts.settings.database_direct_url, plan, lambda *progress: told.append(progress)
    )
    return filled, told


async def value(parts: Parts, statement: str) -> Any:
    async with parts.primary.session() as session:
        row = await (await session.connection.execute(statement)).fetchone()
    assert row is not None
    return next(iter(row.values()))


async def test_it_is_all_there_and_counted(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "BATCH", 250)
    monkeypatch.setattr(copying, "PAIRS_BATCH", 700)
    filled, told = await run(parts)
    assert (filled.accounts, filled.posts, filled.follows, filled.likes) == (300, 900, 2_000, 3_000)
    assert told[-1] == ("likes", 3_000, 3_000)
    for table, count in (("accounts", 300), ("posts", 900), ("follows", 2_000), ("likes", 3_000)):
        assert await value(parts, f"select count(*) from {table}") == count
    wrong = {
        "followers": "select count(*) from accounts a where followers <> (select count(*) from follows where followee_id = a.id)",
        "following": "select count(*) from accounts a where following <> (select count(*) from follows where follower_id = a.id)",
        "likes": "select count(*) from posts p where likes <> (select count(*) from likes where post_id = p.id)",
        "lines": "select (select count(*) from follow_lines) + (select count(*) from counter_lines)",
        "hashtags": "select count(*) from post_hashtags h join posts p on p.id = h.post_id where p.content not like '%#' || h.tag",
        "future": "select count(*) from posts where sorted_at > now() or sorted_at < now() - interval '366 days'",
    }
    assert {name: await value(parts, statement) for name, statement in wrong.items()} == dict.fromkeys(wrong, 0)
    assert username_error(await value(parts, "select username::text from accounts order by random() limit 1")) is None


async def test_again_adds_nothing_and_a_run_that_was_cut_off_goes_on(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PAIRS_BATCH", 700)
    real, copied = filling.Pairs, []

    def cut_off(*words: Any) -> Any:
        if words[0] == "likes":
            copied.append(words)
            raise ConnectionError("the power is gone")
        return real(*words)

    with monkeypatch.context() as patched:
        patched.setattr(filling, "Pairs", cut_off)
        with pytest.raises(ConnectionError):
            await run(parts)
    filled, _ = await run(parts)
    # Follows are copied beside: as many as were there when the likes failed are not copied again.
    assert (filled.accounts, filled.posts, filled.likes) == (0, 0, 3_000)
    assert await value(parts, "select count(*) from follows") == 2_000
    assert (await run(parts))[0] == Filled()
    assert await value(parts, "select count(*) from likes") == 3_000


async def test_another_size_with_the_same_number_is_refused_and_another_number_stands_beside(parts: Parts) -> None:
    await run(parts)
    with pytest.raises(SeedRefused, match="--seed 7"):
        await run(parts, SeedPlan(301, 900, 2_000, 3_000, seed=7))
    filled, _ = await run(parts, SeedPlan(10, 20, 5, 5, seed=8))
    assert (filled.accounts, filled.posts) == (10, 20)
    assert await value(parts, "select count(*) from accounts") == 310


async def test_counting_goes_on_for_those_who_come_after(parts: Parts) -> None:
    await run(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "insert into likes (account_id, post_id) select a.id, p.id from accounts a, posts p"
            " where not exists (select 1 from likes l where l.account_id = a.id and l.post_id = p.id) limit 3"
        )
    assert await value(parts, "select sum(amount) from counter_lines where kind = 'like'") == 3


async def test_the_command(parts: Parts) -> None:
    environ = clean_environ(**_environ(parts))
    words = ("seed", "--accounts", "20", "--posts", "30", "--follows", "10", "--json")
    done = await asyncio.to_thread(lambda: ments(*words, environ=environ))
    assert done.returncode == 0, done.stderr
    added = json.loads(done.stdout)
    assert added == {"accounts": 20, "posts": 30, "hashtags": added["hashtags"], "follows": 10, "likes": 60}
    done = await asyncio.to_thread(lambda: ments("seed", "--accounts", "0", environ=environ))
    assert done.returncode == 1
    assert "--accounts goes from 1" in done.stderr
    with psycopg.connect(parts.settings.database_direct_url) as connection:
        assert connection.execute("select count(*) from posts").fetchone() == (30,)


def _environ(parts: Parts) -> dict[str, str]:
    settings = parts.settings
    return {
        "MENTS_HOME": str(settings.home),
        "SECRET_KEY": settings.secret_key,
        "MEDIA_SIGNING_KEYS": ",".join(settings.media_signing_keys),
        "DATABASE_URL": settings.database_url,
        "DATABASE_DIRECT_URL": settings.database_direct_url,
        "REDIS_URL": settings.redis_url,
        "S3_ENDPOINT_URL": settings.s3_endpoint_url,
        "AWS_ACCESS_KEY_ID": settings.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": settings.aws_secret_access_key,
    }
