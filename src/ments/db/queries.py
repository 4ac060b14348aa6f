"""Named SQL: each feature keeps its queries in `queries.sql` beside its `store.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiosql


def load_queries(beside: str) -> Any:
    """Load `queries.sql` from the folder of the module whose `__file__` is given.

    Each `-- name: get_post(id)^` becomes a coroutine function that takes the connection first and
    the parameters by keyword. `^` one row or None, `!` affected rows, `$` a value, none: an async generator.
    """
    return aiosql.from_path(Path(beside).with_name("queries.sql"), "apsycopg", mandatory_parameters=True)
