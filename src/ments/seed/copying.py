"""COPY in batches, of which one that is there already is passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from ments.seed import binary, rows
from ments.seed.plan import Numbers

PAIRS_BATCH = 250_000

Progress = Callable[[str, int, int], None]
"""Called with a table, how many of its rows are there, and how many there will be; or with what is done to it, and steps."""


@dataclass(frozen=True)
class Pairs:
    """A table of two ids and a time, whose counting trigger is left out: the counts stand in the rows already."""

    table: str
    columns: tuple[str, str]
    trigger: str
    pairs: Numbers


def copy_pairs(
    connection: Any,
    of: Pairs,
    make: Callable[[Numbers], tuple[NDArray[np.void], NDArray[np.void]]],
    now: datetime,
    on_progress: Progress,
) -> int:
    """Copy what is not there yet; returns how many rows that were."""
    added, total = 0, len(of.pairs)
    names = {"table": sql.Identifier(of.table), "trigger": sql.Identifier(of.trigger)}
    for start in range(0, total, PAIRS_BATCH):
        first, second = make(of.pairs[start : start + PAIRS_BATCH])
        known = dict(zip(of.columns, (UUID(bytes=bytes(first[0])), UUID(bytes=bytes(second[0]))), strict=True))
        with batch(connection, of.table, known) as is_new:
            if is_new:
                connection.execute(sql.SQL("alter table {table} disable trigger {trigger}").format(**names))
                copy_rows(connection, of.table, (*of.columns, "created_at"), rows.pair_rows(first, second, now))
                connection.execute(sql.SQL("alter table {table} enable trigger {trigger}").format(**names))
                added += len(first)
        on_progress(of.table, min(total, start + PAIRS_BATCH), total)
    return added


@contextmanager
def batch(connection: Any, table: str, first: dict[str, UUID]) -> Iterator[bool]:
    """One transaction; tells whether its first row, known by these columns, is not there yet, and with it all the others."""
    known = sql.SQL(" and ").join(sql.SQL("{} = {}").format(sql.Identifier(name), first[name]) for name in first)
    with connection.transaction():
        found = connection.execute(sql.SQL("select 1 from {} where {}").format(sql.Identifier(table), known)).fetchone()
        yield found is None


def copy_rows(connection: Any, table: str, columns: Sequence[str], found: bytes) -> None:
    """Copy rows as `binary.join` makes them."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(sql.Identifier(table), names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(binary.HEAD + found + binary.END)
