"""Things that are asked for at nearly the same time, done in one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_TURNS_OF_THE_LOOP = 10


class Batch(Generic[Item, Result]):
    """Gathers what comes while the batch before it is being worked on. Under load the first one also waits for those that
    are nearly there; a single one, as an idle worker has it, waits for nobody.

    work  takes 1..most items, returns a result for each, in their order; what it raises, each asker gets
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, most: int = 200) -> None:
        self._work = work
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._working: asyncio.Future[None] | None = None
        self._is_crowded = False

    async def do(self, item: Item) -> Result:
        """Have one item worked on, with others."""
        is_free = self._working is None or self._working.done()
        if is_free and not self._is_crowded:
            return await self._do_alone(item)
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if is_free:
            self._working = asyncio.create_task(self._work_off())
        return await done

    async def _do_alone(self, item: Item) -> Result:
        """Work on one item at once, in its asker's own task: a new one would begin after all that is due in the loop."""
        working = self._working = asyncio.get_running_loop().create_future()
        try:
            (result,) = await self._work([item])
            return result
        finally:
            working.set_result(None)
            self._is_crowded = bool(self._waiting)
            if self._waiting:
                self._working = asyncio.create_task(self._work_off())

    async def _work_off(self) -> None:
        while self._waiting:
            taken: list[tuple[Item, asyncio.Future[Result]]] = []
            try:
                # Those whose answers lie in the sockets already come along: half again as many in a statement. Alone it
                # would wait for the worker's next fetch, three milliseconds of a pickup's eight.
                for _ in range(_TURNS_OF_THE_LOOP if self._is_crowded else 0):
                    await asyncio.sleep(0)
                taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                results = await self._work([item for item, _ in taken])
                self._is_crowded = len(taken) > 1 or bool(self._waiting)
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
