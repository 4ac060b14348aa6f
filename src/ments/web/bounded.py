"""HTTP/1.1 of uvicorn, bounded: how much of a head, how many connections and requests, for how long, how much ahead.

Also, it answers in order whatever comes, and ends what goes on without an end when the server stops.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final, cast

from httptools import HttpParserError
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ments.observe import count_answers
from ments.web.whole import Whole

ENDLESS: Final = "ments_endless"
"""An application says so in the scope of an answer that goes on until its reader leaves: a server that stops ends it at once."""

CONNECTIONS_MAX: Final = 8192
"""Of one process."""

_VERSIONS = frozenset(("1.0", "1.1"))
# More than that at once is read piece by piece: how much is held, or begun, is bounded by it.
_PIECE_BYTES = 16 * 1024
_BUSY = (
    b'{"type":"about:blank","title":"Busy","status":503,"code":"busy",'
    b'"detail":"ments has more to do right now than it can. Try again in a moment."}'
)
_BUSY_HEADERS = [
    (b"content-type", b"application/problem+json"),
    (b"content-length", b"%d" % len(_BUSY)),
    (b"cache-control", b"no-store"),
    (b"retry-after", b"1"),
]


class BoundedHttp(HttpToolsProtocol):
    """One connection. `limit_concurrency` of the configuration is how many requests the application works on at once."""

    connections_max: ClassVar[int] = CONNECTIONS_MAX
    # As much as the edge lets through; up to a piece more is held. Also of what is no body after a head.
    head_max_bytes: ClassVar[int] = 64 * 1024
    # A connection on which nothing happens for this long is closed, at the next look at the latest. Longer than the edge keeps
    # one that rests (30 s), so that it never asks on one that is being closed.
    look_every_s: ClassVar[float] = 45.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._application = self.app
        # Theirs counts connections at rest as well.
        self._at_work_max, self.limit_concurrency = self.limit_concurrency, None
        # The request that the application works on, or the last one; `cycle` is the newest, which may wait for its turn.
        self._running: RequestResponseCycle | None = None
        self._held = bytearray()
        self._loose_bytes = 0
        self._is_over = self._is_stopping = False
        self._answered = self._body_pieces = 0
        self._seen = (0, 0, 0)
        self._looking: asyncio.TimerHandle | None = None

    # the connection -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport, self._held)
        if len(self.connections) > self.connections_max:
            transport.close()
            return
        self._looking = self.loop.call_later(self.look_every_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._looking is not None:
            self._looking.cancel()
        # Theirs tells the newest only.
        if self._running is not None and self._is_at_work():
            _tell_gone(self._running)
        self.pipeline.clear()
        self._held.clear()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def shutdown(self) -> None:
        self._is_stopping = True
        if self._running is not None and self._is_at_work() and _is_endless(self._running):
            self._end_stream(self._running)
        else:
            super().shutdown()

    def _end_stream(self, cycle: RequestResponseCycle) -> None:
        """Say that the answer is whole, as far as it goes."""
        _tell_gone(cycle)
        if cycle.response_started and cycle.chunked_encoding:
            self.transport.write(b"0\r\n\r\n")
        if self.transport.get_write_buffer_size():
            # Nobody takes it.
            self.transport.abort()
        else:
            self.transport.close()

    def _look(self) -> None:
        """Close a connection at rest, one whose next head or body does not come to its end, one that takes no answer."""
        self._looking = self.loop.call_later(self.look_every_s, self._look)
        unsent = self.transport.get_write_buffer_size()
        before, self._seen = self._seen, (self._answered, self._body_pieces, unsent)
        if self._seen != before:
            return
        if unsent:
            # To close would be to wait until it is taken.
            self.transport.abort()
        elif not self._is_at_work() or self._waits_for_body():
            self.transport.close()

    # reading ------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._held or self.pipeline or len(data) > _PIECE_BYTES:
            self._held += data
            self._take_held()
        else:
            self._take(data)

    def _take_held(self) -> None:
        """Take what is held, unless requests wait for their turn: then as soon as none does, and nothing more is read until then."""
        while self._held and not self.pipeline and not self.transport.is_closing():
            piece = bytes(self._held[:_PIECE_BYTES])
            del self._held[:_PIECE_BYTES]
            self._take(piece)
        if self._held:
            self.flow.pause_reading()
        elif not self._is_at_work():
            # What is worked on has it go on by itself.
            self.flow.resume_reading()

    def _take(self, data: bytes) -> None:
        if self._is_over:
            return
        # A new head begins at nought again, and so does a piece of body. What goes on is a head, its trailers, or nothing at all.
        self._loose_bytes += len(data)
        if self._loose_bytes > self.head_max_bytes:
            self.send_400_response("The head of this request is too long.")
        else:
            super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._loose_bytes = 0

    def on_headers_complete(self) -> None:
        if self.parser.get_http_version() not in _VERSIONS:
            raise HttpParserError("Not a version of HTTP that is spoken here.")
        is_busy = self._at_work_max is not None and len(self.tasks) >= self._at_work_max
        self.app = _say_busy if is_busy else self._application
        super().on_headers_complete()
        # What comes after the body is no header, whatever it says.
        self.headers = []
        # Who waits for a word before the body may send it or not when the word is another: nobody knows where it would end.
        if self._is_stopping or self.expect_100_continue:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._loose_bytes = 0
        self._body_pieces += 1
        super().on_body(body)

    def _unsupported_upgrade_warning(self) -> None:
        """Answer as if nothing had been said of another protocol. What follows may be of that one, so it is not read."""
        self._end_after_answer()

    def send_400_response(self, msg: str) -> None:
        """Refuse what was sent, and close; an answer that is being made is not cut in two by the refusal."""
        running = self._running
        if running is None or not self._is_at_work():
            self._is_over = True
            super().send_400_response(msg)
        elif _is_endless(running):
            self._end_stream(running)
        elif not self.cycle.more_body:
            self._end_after_answer()
        elif running is self.cycle and not running.response_started:
            # It is the body of the one that is worked on.
            self._is_over = True
            _tell_gone(running)
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _end_after_answer(self) -> None:
        self._is_over = True
        self.cycle.keep_alive = False

    # answering ----------------------------------------------------------------------

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        # Whether there is a body, and of what length, a HEAD's answer does not say.
        sends = app if cycle.scope["method"] == "HEAD" or cycle.access_log else Whole(app, cycle)
        super()._start_asgi_task(cycle, sends)

    def on_response_complete(self) -> None:
        self._answered += 1
        super().on_response_complete()
        if self._held:
            self._take_held()

    def _is_at_work(self) -> bool:
        return self._running is not None and not self._running.response_complete

    def _waits_for_body(self) -> bool:
        return self.cycle is self._running and self.cycle.more_body and not self.flow.read_paused


class _Flow(FlowControl):
    """Reads on only when nothing is held."""

    def __init__(self, transport: asyncio.Transport, held: bytearray) -> None:
        super().__init__(transport)
        self._held = held

    def resume_reading(self) -> None:
        if not self._held:
            super().resume_reading()


def _is_endless(cycle: RequestResponseCycle) -> bool:
    return bool(cast("dict[str, Any]", cycle.scope).get(ENDLESS))


def _tell_gone(cycle: RequestResponseCycle) -> None:
    """Tell the application that nobody takes its answer any more."""
    cycle.disconnected = True
    cycle.message_event.set()


async def _say_busy(_scope: Any, _receive: Any, send: Any) -> None:
    count_answers("other", "busy", 503, 1, 0.0)
    await send({"type": "http.response.start", "status": 503, "headers": _BUSY_HEADERS})
    await send({"type": "http.response.body", "body": _BUSY})
