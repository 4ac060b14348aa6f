"""One connection to Valkey, spoken by hiredis: what is written in one turn of the loop goes out at once."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import hiredis
from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import InvalidResponse, RedisError, ResponseError
from redis.exceptions import TimeoutError as AnswerLate

Word = bytes | str | int | float
_CONNECT_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where Valkey is, and as whom we come. `number` is that of the database."""

    host: str
    port: int
    path: str | None
    tls: bool
    username: str | None
    password: str | None
    number: int

    @classmethod
    def of(cls, url: str) -> Self:
        """Read redis://, rediss:// and unix:// addresses. Raises ValueError."""
        found: dict[str, Any] = dict(parse_url(url))
        return cls(
            host=found.get("host", "localhost"),
            port=found.get("port", 6379),
            path=found.get("path"),
            tls=found.get("connection_class") is SSLConnection,
            username=found.get("username"),
            password=found.get("password"),
            number=found.get("db", 0),
        )


class Wire(asyncio.Protocol):
    """A connection. `on_reply` is called with each reply, an error of the server being one; `on_lost` once, at the end."""

    def __init__(self, on_reply: Callable[[Any], None], on_lost: Callable[[], None]) -> None:
        self._on_reply, self._on_lost = on_reply, on_lost
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=ResponseError)
        self._transport: asyncio.Transport | None = None
        self._written: list[bytes] = []
        self.is_open = False

    # what asyncio calls -----------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Open."""
        self._transport, self.is_open = transport, True

    def data_received(self, data: bytes) -> None:
        """Read replies."""
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                self._on_reply(reply)
        except InvalidResponse:
            # Whatever this is, it is not Valkey.
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed, by whichever side."""
        self.is_open = False
        self._on_lost()

    # what we call -----------------------------------------------------------------

    def write(self, words: Sequence[Word]) -> None:
        """Send a command, with all the others of this turn of the loop."""
        packed: bytes = hiredis.pack_command(tuple(words))  # type: ignore[arg-type]  # its stubs want a tuple of one
        if not self._written:
            asyncio.get_running_loop().call_soon(self._flush)
        self._written.append(packed)

    def _flush(self) -> None:
        written, self._written = b"".join(self._written), []
        if self._transport is not None and self.is_open:
            self._transport.write(written)

    def abort(self) -> None:
        """End the connection now; `on_lost` follows."""
        if self._transport is not None:
            self._transport.abort()


async def connect(address: Address, on_reply: Callable[[Any], None], on_lost: Callable[[], None]) -> Wire:
    """Open a connection that is signed in and has chosen its database.

    Raises redis.exceptions.RedisError: ConnectionError, TimeoutError, or what the server refuses with.
    """
    greeting: list[tuple[Word, ...]] = []
    if address.password is not None:
        greeting.append(("AUTH", address.username or "default", address.password))
    if address.number:
        greeting.append(("SELECT", address.number))
    # A server that accepts and says nothing is noticed here.
    greeting.append(("PING",))
    answers: list[Any] = []
    greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(reply: Any) -> None:
        if greeted.done():
            on_reply(reply)
            return
        answers.append(reply)
        if isinstance(reply, RedisError):
            greeted.set_exception(reply)
        elif len(answers) == len(greeting):
            greeted.set_result(None)

    def lose() -> None:
        if greeted.done():
            on_lost()
        else:
            greeted.set_exception(ConnectionLost("Valkey hung up."))

    wire = Wire(hear, lose)
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            await _dial(address, wire)
            for command in greeting:
                wire.write(command)
            await greeted
    except TimeoutError as error:
        greeted.cancel()
        wire.abort()
        raise AnswerLate("Valkey does not answer.") from error
    except OSError as error:
        raise ConnectionLost("Valkey cannot be reached.") from error
    except BaseException:
        wire.abort()
        raise
    return wire


async def _dial(address: Address, wire: Wire) -> None:
    loop = asyncio.get_running_loop()
    tls = ssl.create_default_context() if address.tls else None
    if address.path is not None:
        await loop.create_unix_connection(lambda: wire, address.path)
    else:
        await loop.create_connection(lambda: wire, address.host, address.port, ssl=tls)
