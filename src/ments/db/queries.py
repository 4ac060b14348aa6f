"""Named SQL: each feature keeps its queries in `queries.sql` beside its `store.py`, or in several files with a noun each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiosql
from aiosql.adapters.apyformat import AsyncPyFormatAdapter


class _DictRows(AsyncPyFormatAdapter):
    """aiosql's adapter takes the first column by its number; our rows are dicts."""

    async def select_value(self, conn: Any, query_name: str, sql: str, parameters: Any) -> Any:
        row = await self.select_one(conn, query_name, sql, parameters)  # type: ignore[no-untyped-call]  # aiosql is untyped
        return next(iter(row.values())) if row else None


def load_queries(beside: str, name: str = "queries.sql") -> Any:
    """Load the queries of the file `name` from the folder of the module whose `__file__` is given.

    Each `-- name: get_post(id)^` becomes a coroutine function that takes the connection first and
    the parameters by keyword. `^` one row or None, `!` affected rows, `$` a value, none: an async generator.
    """
    return aiosql.from_path(Path(beside).with_name(name), _DictRows, mandatory_parameters=True)
