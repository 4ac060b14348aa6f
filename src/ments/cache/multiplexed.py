"""Many commands over one connection: what a busy process asks of Valkey leaves and returns in a few packets.

redis-py takes a connection for each command and awaits four things on the way; here a command is a future in a queue.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as AnswerLate

from ments.cache.wire import Address, Wire, Word, connect

_ANSWER_TIMEOUT_S = 1.0
_LOOK_EVERY_S = 0.1
# Commands that wait for their answers; who comes then goes on without, as if there were no Valkey.
_WAITING_MAX = 10_000
# After a failure nobody connects for a moment, so that not each request waits for a timeout.
_REST_S = 0.25


class _Line:
    """A connection with the futures of its commands in their order, and until when (monotonic) each may wait."""

    def __init__(self) -> None:
        self.wire: Wire | None = None
        self.waiting: deque[tuple[asyncio.Future[Any], float]] = deque()

    def take(self, reply: Any) -> None:
        future, _ = self.waiting.popleft()
        if future.done():
            return
        if isinstance(reply, Exception):
            future.set_exception(reply)
        else:
            future.set_result(reply)

    def lose(self) -> None:
        self.fail(ConnectionLost("The connection to Valkey was lost."))

    def fail(self, error: RedisError) -> None:
        """Tell all who wait, and hang up."""
        waiting, self.waiting = self.waiting, deque()
        for future, _ in waiting:
            if not future.done():
                future.set_exception(error)
        if self.wire is not None:
            self.wire.abort()


class Multiplexed:
    """Commands to Valkey. They fail with redis.exceptions.RedisError (ConnectionError, TimeoutError, ResponseError).

    Nothing is sent twice: of a command that failed nobody knows whether it was carried out.
    """

    def __init__(self, url: str, *, timeout_s: float = _ANSWER_TIMEOUT_S) -> None:
        self._address = Address.of(url)
        self._timeout_s = timeout_s
        self._line: _Line | None = None
        self._connecting: asyncio.Task[_Line] | None = None
        self._rest_until = 0.0
        self._look: asyncio.TimerHandle | None = None

    async def ask(self, *words: Word) -> Any:
        """Carry out one command: `await quick.ask("GET", key)`. Answers are bytes, ints, lists, None."""
        return await self._send(await self._connected(), words)

    async def ask_all(self, *commands: tuple[Word, ...]) -> list[Any]:
        """Carry out several, in their order; other clients' may come between. Raises the first error there is."""
        line = await self._connected()
        return list(await asyncio.gather(*[self._send(line, words) for words in commands]))

    async def close(self) -> None:
        """End the connection; those who wait are told so."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._look is not None:
            self._look.cancel()
        if self._line is not None:
            self._line.fail(ConnectionLost("The connection to Valkey was closed."))

    def _send(self, line: _Line, words: tuple[Word, ...]) -> asyncio.Future[Any]:
        if line.wire is None or not line.wire.is_open:
            raise ConnectionLost("The connection to Valkey was lost.")
        if len(line.waiting) >= _WAITING_MAX:
            raise ConnectionLost("Too many commands wait for Valkey.")
        loop = asyncio.get_running_loop()
        # Before anybody waits: what cannot be sent (a list, say) is an error of the caller's alone.
        line.wire.write(words)
        future: asyncio.Future[Any] = loop.create_future()
        line.waiting.append((future, time.monotonic() + self._timeout_s))
        if self._look is None:
            self._look = loop.call_later(_LOOK_EVERY_S, self._look_at_the_clock)
        return future

    async def _connected(self) -> _Line:
        line = self._line
        if line is not None and line.wire is not None and line.wire.is_open:
            return line
        if time.monotonic() < self._rest_until:
            raise ConnectionLost("Valkey could not be reached a moment ago.")
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            # Looked at, so that a failure nobody waits for any more is no warning.
            self._connecting.add_done_callback(lambda done: done.cancelled() or done.exception())
        # Whoever goes away must not take the connection from the others.
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> _Line:
        line = _Line()
        try:
            line.wire = await connect(self._address, line.take, line.lose)
        except RedisError:
            self._rest_until = time.monotonic() + _REST_S
            raise
        finally:
            self._connecting = None
        self._line = line
        return line

    def _look_at_the_clock(self) -> None:
        self._look = None
        line = self._line
        if line is None or not line.waiting:
            return
        if line.waiting[0][1] > time.monotonic():
            self._look = asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look_at_the_clock)
            return
        # Answers come in order, so behind a late one all are late: the connection is given up.
        self._rest_until = time.monotonic() + _REST_S
        self._line = None
        line.fail(AnswerLate("Valkey does not answer."))
