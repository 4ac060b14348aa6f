"""Statements that say one text a row, asked without a cursor.

A cursor learns anew for each statement how its parameters and columns are written, which takes longer than some hundred bytes
of text are worth: half of what asking for a page takes the process. Here all are texts, both ways.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from psycopg import AsyncConnection
from psycopg.errors import ProgrammingError, error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

_NAMED = re.compile(r"%\((\w+)\)s|%%")


async def read_texts(connection: AsyncConnection[Any], sql: str, values: Mapping[str, str]) -> list[str]:
    """Run a statement on a connection in autocommit, and read the first column of its rows: texts, none of them null.

    sql  with %(name)s, each with a cast, as psycopg has it; values  as Postgres reads them, by name
    Raises psycopg.Error.
    """
    numbered, names = number_parameters(sql)
    written = [values[name].encode() for name in names]
    async with connection.lock:
        results = await connection.wait(_ask(connection.pgconn, numbered, written))
    for result in results:
        # There are two where the server ends the connection meanwhile.
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
    (result,) = results
    if result.status != ExecStatus.TUPLES_OK:
        raise ProgrammingError(f"A statement that yields no rows: {ExecStatus(result.status).name}.")
    return [_read(result, row) for row in range(result.ntuples)]


def _ask(pgconn: PGconn, sql: bytes, values: list[bytes]) -> Any:
    # The driver's steps, which wait for the socket in between.
    pgconn.send_query_params(sql, values)
    return (yield from execute(pgconn))


def _read(result: PGresult, row: int) -> str:
    text = result.get_value(row, 0)
    if text is None:
        raise ProgrammingError("A text that is null.")
    return bytes(text).decode()


@lru_cache(maxsize=64)
def number_parameters(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """Write a statement as Postgres reads it, with $1 for the first name; returns it and the names in their order. Pure."""
    names: dict[str, int] = {}

    def write(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "%"
        return f"${names.setdefault(name, len(names) + 1)}"

    return _NAMED.sub(write, sql).encode(), tuple(names)
