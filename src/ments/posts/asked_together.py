"""One statement for all who want the same of Postgres at the same moment: what members' pages are read by.

A round trip costs the process, the pooler and the server more than many a page does. A lone request does not wait: a few
statements are under way at once, and only who comes while they are is asked for together with others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import TooManyRequests

from ments.db import Primary, write_array

Value = UUID | datetime | int | bool | Sequence[UUID]

# Statements under way in each process, and requests in each: so long waits for the others' pages who is asked for together.
_AT_ONCE = 3
_TOGETHER_MAX = 8
# Requests that one process works on are bounded below this.
_WAITING_MAX = 4_000


@dataclass(slots=True)
class _Waiting:
    values: Mapping[str, Value]
    said: asyncio.Future[str]


class _Queue:
    """Who waits for one statement."""

    def __init__(self, primary: Primary, query: Any) -> None:
        self._primary, self._query = primary, query
        self._waiting: deque[_Waiting] = deque()
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, values: Mapping[str, Value]) -> asyncio.Future[str]:
        if len(self._waiting) >= _WAITING_MAX:
            raise TooManyRequests("Too many pages wait for Postgres.")
        said: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(values, said))
        if self._running < _AT_ONCE:
            # It begins with the next turn of the loop: all who come within this one are asked for together.
            self._running += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return said

    async def _run(self) -> None:
        try:
            while together := self._take():
                await self._ask(together)
        finally:
            # In the same turn as the last look at who waits: who comes later begins a task of their own.
            self._running -= 1

    def _take(self) -> list[_Waiting]:
        together: list[_Waiting] = []
        while self._waiting and len(together) < _TOGETHER_MAX:
            one = self._waiting.popleft()
            # Who went away already is not asked for.
            if not one.said.done():
                together.append(one)
        return together

    async def _ask(self, together: Sequence[_Waiting]) -> None:
        try:
            columns = {name: _write_column([one.values[name] for one in together]) for name in together[0].values}
            async with self._primary.session() as session:
                rows = [row async for row in self._query(session.connection, **columns)]
            for one, row in zip(together, rows, strict=True):
                # Who went away meanwhile is told nothing.
                if not one.said.done():
                    one.said.set_result(row["said"])
        except Exception as error:
            if (
                len(together) > 1
                and isinstance(error, psycopg.Error)
                and not isinstance(error, psycopg.OperationalError)
            ):
                # It is what one of them asked: the others must not go without for it.
                for one in together:
                    await self._ask([one])
                return
            for one in together:
                if not one.said.done():
                    one.said.set_exception(error)
        finally:
            # The process stops.
            for one in together:
                one.said.cancel()


def _write_column(values: Sequence[Value]) -> str:
    """Write one parameter of all askers as the text of an array; none of these values holds a quote or a backslash."""
    return "{" + ",".join([f'"{_write(value)}"' for value in values]) + "}"


def _write(value: Value) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID | int):
        return str(value)
    return write_array(value)


_QUEUES: WeakKeyDictionary[Primary, dict[Any, _Queue]] = WeakKeyDictionary()


async def ask_together(primary: Primary, query: Any, **values: Value) -> str:
    """What a query says for these values, at a moment that begins now.

    query  a named one that takes arrays, of which all askers' values are made, and yields a row with a text `said` for each
    Raises psycopg.Error, PoolTimeout, and TooManyRequests where too many wait.
    """
    queues = _QUEUES.setdefault(primary, {})
    queue = queues.get(query)
    if queue is None:
        queue = queues[query] = _Queue(primary, query)
    return await queue.put(values)
