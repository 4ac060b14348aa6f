"""One statement for all who want the same of Postgres at the same moment: what sessions and pages of cards are read by.

A round trip costs the process, the pooler and the server more than many a page does. A lone request does not wait: a few
statements are under way at once, and only who comes while they are is asked for together with others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import PoolTimeout, TooManyRequests

from ments.db.arrays import write_array
from ments.db.pools import Primary
from ments.db.texts import read_texts

W = TypeVar("W")
R = TypeVar("R")
Value = UUID | datetime | int | bytes | Sequence[UUID] | Sequence[str]

# Statements of a kind that each process has under way, and who waits for the next: as many as for a pool, and as long.
_AT_ONCE = 3
_WAITING_MAX = 500
_PATIENCE_S = 10.0
# So many pages of others takes as long as it may who is asked for together with them.
_PAGES_MAX = 8


class Together(Generic[W, R]):
    """Loads what several want at once; what each gets is of a moment after they asked."""

    def __init__(self, load: Callable[[Sequence[W]], Awaitable[Sequence[R]]], together_max: int) -> None:
        """`load`: what each gets, in their order, for at most `together_max` of them."""
        self._load, self._together_max = load, together_max
        self._waiting: deque[tuple[W, asyncio.Future[R]]] = deque()
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, wanted: W) -> asyncio.Future[R]:
        """Load something. Raises what `load` raises, PoolTimeout after 10 s, and TooManyRequests where too many wait."""
        if len(self._waiting) >= _WAITING_MAX:
            # Those who went away, or gave up, are taken out where they come up; they are not to keep others from waiting.
            self._waiting = deque(one for one in self._waiting if not one[1].done())
            if len(self._waiting) >= _WAITING_MAX:
                raise TooManyRequests("Too many wait for Postgres.")
        loop = asyncio.get_running_loop()
        got: asyncio.Future[R] = loop.create_future()
        # Also of a statement under way: a server that hangs answers nobody, and is not to keep everybody.
        patience = loop.call_later(_PATIENCE_S, _give_up, got)
        got.add_done_callback(lambda _: patience.cancel())
        self._waiting.append((wanted, got))
        if self._running < _AT_ONCE:
            # It begins with the next turn of the loop: all who come within this one are asked for together.
            self._running += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return got

    async def _run(self) -> None:
        try:
            while together := self._take():
                await self._ask(together)
        finally:
            # In the same turn as the last look at who waits: who comes later begins a task of their own.
            self._running -= 1

    def _take(self) -> list[tuple[W, asyncio.Future[R]]]:
        together: list[tuple[W, asyncio.Future[R]]] = []
        while self._waiting and len(together) < self._together_max:
            one = self._waiting.popleft()
            # Who went away already is not asked for.
            if not one[1].done():
                together.append(one)
        return together

    async def _ask(self, together: Sequence[tuple[W, asyncio.Future[R]]]) -> None:
        try:
            loaded = await self._load([wanted for wanted, _ in together])
            for (_, got), one in zip(together, loaded, strict=True):
                # Who went away meanwhile is told nothing.
                if not got.done():
                    got.set_result(one)
        except Exception as error:
            if len(together) > 1 and not isinstance(error, psycopg.OperationalError | OSError):
                # It is what one of them asked: the others must not go without for it.
                for asker in together:
                    await self._ask([asker])
                return
            for _, got in together:
                if not got.done():
                    got.set_exception(error)
        finally:
            # The process stops.
            for _, got in together:
                got.cancel()


def _give_up(got: asyncio.Future[Any]) -> None:
    if not got.done():
        got.set_exception(PoolTimeout(f"Postgres has not answered for {_PATIENCE_S:g} s."))


_Asked = tuple[Primary, Mapping[str, Value]]
_QUEUES: WeakKeyDictionary[Primary, dict[Any, Together[_Asked, str]]] = WeakKeyDictionary()


async def ask_together(primary: Primary, query: Any, alone: Any = None, **values: Value) -> str:
    """What a query says for these values, at a moment that begins now.

    query  a named one that takes arrays, of which all askers' values are made, and yields a row with a text `said` for each
    alone  one that says the same for the values themselves, as texts: to plan it for arrays takes a tenth of what it takes in all
    Raises psycopg.Error, PoolTimeout, and TooManyRequests where too many wait.
    """
    queues = _QUEUES.setdefault(primary, {})
    queue = queues.get((query, alone))
    if queue is None:

        async def load(asked: Sequence[_Asked]) -> list[str]:
            first = asked[0][1]
            if len(asked) == 1 and alone is not None:
                sql, columns = alone.sql, {name: _write(value) for name, value in first.items()}
            else:
                sql, columns = query.sql, {name: _write_column([one[name] for _, one in asked]) for name in first}
            async with asked[0][0].connection() as connection:
                return await read_texts(connection, sql, columns)

        queue = queues[query, alone] = Together(load, _PAGES_MAX)
    return await queue.ask((primary, values))


def _write_column(values: Sequence[Value]) -> str:
    """Write one parameter of all askers as the text of an array; none of these values holds a quote or a backslash."""
    return "{" + ",".join([f'"{_write(value)}"' for value in values]) + "}"


def _write(value: Value) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID | int):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return write_array(value)
