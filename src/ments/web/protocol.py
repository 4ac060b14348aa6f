"""HTTP/1.1 of the API: uvicorn's, which gives what lies ready before anything of a request is set up, and is bounded.

To set a request up for an application (scope, task, messages) takes longer than all else that an answer takes which lies
ready: `docs/decisions/0010-api-server.md`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

ENDLESS: Final = "ments_endless"
"""An application says so in the scope of an answer that goes on until its reader leaves: a server that stops ends it at once."""

# As much as the edge lets through. Data come in pieces, so up to a piece more is held.
_HEAD_MAX_BYTES = 64 * 1024
# A connection without an answer, and without a request that is worked on, for this long is closed, at the next look at the
# latest. Longer than the edge keeps one that rests (30 s), so that it never asks on one that is being closed.
_LOOK_EVERY_S = 45.0
_CONNECTIONS_MAX = 8192
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


class Ready(Protocol):
    """An application some of whose answers lie ready (`web.kept_answers`)."""

    def give(self, target: bytes, headers: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes] | None:
        """Look for what answers a GET of this target (path and query as sent) with these headers (names in lower case).

        Returns the head, without the date and its end, and the body; None: the application is to be asked.
        """


class ReadyFirst(HttpToolsProtocol):
    """One connection. `limit_concurrency` of the configuration is how many requests the application works on at once."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._application = self.app
        self._ready = cast("Ready", self.app)
        # Theirs counts connections at rest as well.
        self._at_work_max, self.limit_concurrency = self.limit_concurrency, None
        self._head_bytes = 0
        self._is_in_head = self._was_given = False
        self._answered = self._answered_before = 0
        self._looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _CONNECTIONS_MAX:
            transport.close()
            return
        self._looking = self.loop.call_later(_LOOK_EVERY_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._looking is not None:
            self._looking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_MAX_BYTES:
                self.send_400_response("The head of this request is too long.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._give():
            return
        is_busy = self._at_work_max is not None and len(self.tasks) >= self._at_work_max
        self.app = _say_busy if is_busy else self._application
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._was_given:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._was_given:
            self._was_given = False
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self._answered += 1
        super().on_response_complete()

    def shutdown(self) -> None:
        if self._is_at_work() and cast("dict[str, Any]", self.cycle.scope).get(ENDLESS):
            self.transport.close()
        else:
            super().shutdown()

    def _give(self) -> bool:
        """Answer with what lies ready; False: the application is to be asked."""
        parser = self.parser
        if (
            self._is_at_work()
            # Who does not take what was sent gets no more of it: the application waits for them.
            or self.flow.write_paused
            or parser.get_method() != b"GET"
            or not parser.should_keep_alive()
            or parser.get_http_version() != "1.1"
        ):
            return False
        given = self._ready.give(self.url, self.headers)
        if given is None:
            return False
        self._was_given = True
        self._answered += 1
        self.server_state.total_requests += 1
        head, body = given
        self.transport.writelines((head, self._write_date(), body))
        return True

    def _write_date(self) -> bytes:
        """The end of a head: what the server adds to each, made anew when it changes, each second."""
        headers = self.server_state.default_headers
        if _Dated.headers is not headers:
            _Dated.headers = headers
            _Dated.line = b"".join(b"%b: %b\r\n" % header for header in headers) + b"\r\n"
        return _Dated.line

    def _is_at_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _look(self) -> None:
        """Close a connection at rest, and one whose next head does not come to its end."""
        if not self._is_at_work() and self._answered == self._answered_before:
            self.transport.close()
            return
        self._answered_before = self._answered
        self._looking = self.loop.call_later(_LOOK_EVERY_S, self._look)


class _Dated:
    headers: list[tuple[bytes, bytes]] | None = None
    line = b""


async def _say_busy(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 503, "headers": _BUSY_HEADERS})
    await send({"type": "http.response.body", "body": _BUSY})
