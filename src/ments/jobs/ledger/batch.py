"""Things that are asked for at nearly the same time, done in one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_TURNS_OF_THE_LOOP = 10


class Batch(Generic[Item, Result]):
    """Gathers what comes while the batch before it is being worked on; the first one waits for those alone that are
    nearly there.

    work  takes 1..most items, returns a result for each, in their order; what it raises, each asker gets
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, most: int = 200) -> None:
        self._work = work
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._working: asyncio.Task[None] | None = None

    async def do(self, item: Item) -> Result:
        """Have one item worked on, with others."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work_off())
        return await done

    async def _work_off(self) -> None:
        while self._waiting:
            taken: list[tuple[Item, asyncio.Future[Result]]] = []
            try:
                # Those whose answers lie in the sockets already come along: half again as many in a statement under
                # load, for a tenth of a millisecond when nothing else goes on.
                for _ in range(_TURNS_OF_THE_LOOP):
                    await asyncio.sleep(0)
                taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                results = await self._work([item for item, _ in taken])
            except BaseException as error:
                for _, done in taken:
                    if not done.done():
                        done.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
                if not isinstance(error, Exception):
                    self._cancel_waiting()
                    raise
            else:
                for (_, done), result in zip(taken, results, strict=True):
                    if not done.done():  # its asker may have been cancelled
                        done.set_result(result)

    def _cancel_waiting(self) -> None:
        for _, done in self._waiting:
            done.cancel()
        self._waiting.clear()
