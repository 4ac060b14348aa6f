"""HTTP/1.1 of the API: what lies ready is given before anything of a request is set up.

To set a request up for an application (scope, task, messages) takes longer than all else that an answer takes which lies
ready: `docs/decisions/0010-api-server.md`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from ments.cache.shared_memory import SharedCache
from ments.web.bounded import BoundedHttp


class Ready(Protocol):
    """An application some of whose answers lie ready (`web.kept_answers`)."""

    def give(self, target: bytes, headers: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes] | None:
        """Look for what answers a GET of this target (path and query as sent) with these headers (names in lower case).

        Returns the head, without the date and its end, and the body; None: the application is to be asked.
        """

    def share(self, shared: SharedCache | None) -> None:
        """Share what is ready with the other processes of this server; None: with nobody."""


class ReadyFirst(BoundedHttp):
    """One connection. `limit_concurrency` of the configuration is how many requests the application works on at once."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._ready = cast("Ready", self.app)
        self._was_given = False

    def on_headers_complete(self) -> None:
        if not self._give():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._was_given:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._was_given:
            self._was_given = False
        else:
            super().on_message_complete()

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


class _Dated:
    headers: list[tuple[bytes, bytes]] | None = None
    line = b""
