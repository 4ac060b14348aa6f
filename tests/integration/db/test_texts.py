"""Texts that are read without a cursor: what comes, what fails, and that the connection is as good as before."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from ments.db.texts import read_texts
from ments.parts import Parts

TEXTS = "select %(a)s::text || n || '%%' from generate_series(1, %(n)s::integer) as n"


@pytest.mark.parametrize("n", [0, 1, 3000])
async def test_rows_come_in_their_order(parts: Parts, n: int) -> None:
    async with parts.primary.connection() as connection:
        said = await read_texts(connection, TEXTS, {"a": "\u00e4'\"\\{", "n": str(n)})
    assert said == [f"\u00e4'\"\\{{{number}%" for number in range(1, n + 1)]


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("select %(a)s::uuid::text", psycopg.errors.InvalidTextRepresentation),
        ("select %(a)s from nothing", psycopg.errors.UndefinedTable),
        ("select null::text", psycopg.ProgrammingError),
        ("set local work_mem = '4MB'", psycopg.ProgrammingError),
    ],
)
async def test_what_fails_is_told_and_the_connection_goes_on(
    parts: Parts, sql: str, error: type[psycopg.Error]
) -> None:
    async with parts.primary.connection() as connection:
        for _ in range(2):
            with pytest.raises(error):
                await read_texts(connection, sql, {"a": "x"})
            assert await read_texts(connection, "select %(a)s::text", {"a": "x"}) == ["x"]


async def test_a_connection_that_is_lost_is_told_and_replaced(parts: Parts) -> None:
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError):
            async with parts.primary.connection() as connection:
                await read_texts(connection, "select pg_terminate_backend(pg_backend_pid())::text", {})
        async with parts.primary.connection() as connection:
            assert await read_texts(connection, "select 'there'", {}) == ["there"]


async def test_who_goes_away_leaves_a_connection_that_is_as_good(parts: Parts) -> None:
    async def wait() -> None:
        async with parts.primary.connection() as connection:
            await read_texts(connection, "select pg_sleep(30)::text", {})

    for _ in range(3):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with parts.primary.connection() as connection:
            assert await read_texts(connection, "select 'there'", {}) == ["there"]


async def test_what_was_begun_in_a_block_is_not_left_open(parts: Parts) -> None:
    async def begin(*, fails: bool) -> None:
        async with parts.primary.connection() as connection:
            await connection.execute("begin")
            if fails:
                raise KeyError

    await begin(fails=False)
    with pytest.raises(KeyError):
        await begin(fails=True)
    for _ in range(12):
        async with parts.primary.connection() as connection:
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
