"""The fixtures that all integration tests stand on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from ments.accounts.model import Account
from ments.parts import Parts
from running_stack import RunningStack


@pytest.mark.parametrize("time", ["first", "second"])
async def test_each_test_starts_empty(parts: Parts, make_account: Callable[..., Awaitable[Account]], time: str) -> None:
    account = await make_account("ada")
    async with parts.primary.session() as session:
        cursor = await session.connection.execute("select username::text, current_database() from accounts")
        rows = await cursor.fetchall()
    assert [row["username"] for row in rows] == [account.username]
    assert str(rows[0]["current_database"]).startswith("test_")


async def test_the_limits_are_the_roles_and_not_the_migrations(parts: Parts) -> None:
    import psycopg

    async with parts.primary.session() as session:
        row = await (await session.connection.execute("show statement_timeout")).fetchone()
        assert row == {"statement_timeout": "15s"}
        row = await (await session.connection.execute("select usesuper from pg_user where usename = user")).fetchone()
        assert row == {"usesuper": False}
    with psycopg.connect(parts.settings.database_direct_url) as direct:
        assert direct.execute("show statement_timeout").fetchone() == ("0",)


def test_the_stack_is_ready(stack: RunningStack) -> None:
    status = stack.status()
    assert status["ready"], status
    assert {part["state"] for part in status["parts"].values()} == {"ready"}
