"""Answers that come whole: head and body leave together, for half of what uvicorn takes to write them one after the other.

What is out of the ordinary about an answer is written by uvicorn: a body in pieces or of another length, a header that is to be
refused or has a meaning for the connection.
"""

from __future__ import annotations

import re
from typing import Any

from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE, RequestResponseCycle

# With CR and LF counted beside it: a value that holds one would end its line, and begin another.
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# What uvicorn reads of a head.
_MEANT_FOR_IT = frozenset((b"content-length", b"transfer-encoding", b"connection"))
_PLAIN_MAX = 256
_plain: set[bytes] = set()
Headers = list[tuple[bytes, bytes]]


class Whole:
    """Calls an application for one cycle of a connection, and sends its answer, at once where it is whole."""

    __slots__ = ("_app", "_cycle", "_head", "_length", "_start")

    def __init__(self, app: Any, cycle: RequestResponseCycle) -> None:
        self._app, self._cycle = app, cycle
        # The head of an answer of which the body is waited for, as it came and as it is sent.
        self._start: Any = None
        self._head, self._length = b"", 0

    def __call__(self, scope: Any, receive: Any, _send: Any) -> Any:
        return self._app(scope, receive, self.send)

    async def send(self, message: Any) -> None:
        """Take a message of the application, as ASGI has it. Raises RuntimeError as uvicorn does."""
        cycle, start = self._cycle, self._start
        if start is None:
            if not cycle.response_started and not cycle.disconnected and message["type"] == "http.response.start":
                written = write_head(message["status"], cycle.default_headers, message.get("headers", ()))
                if written is not None:
                    self._head, self._length = written
                    self._start = message
                    return
            await cycle.send(message)
            return
        self._start = None
        is_whole = message["type"] == "http.response.body" and not message.get("more_body", False)
        body = message.get("body", b"")
        # Who takes nothing is waited for there; who is told of the connection's end reads it there.
        if not is_whole or len(body) != self._length or not cycle.keep_alive or cycle.flow.write_paused:
            await cycle.send(start)
            await cycle.send(message)
        elif not cycle.disconnected:
            cycle.response_started = cycle.response_complete = True
            cycle.waiting_for_100_continue = False
            cycle.transport.writelines((self._head, body))
            cycle.message_event.set()
            cycle.on_response()


def write_head(status: int, defaults: Headers, headers: Any) -> tuple[bytes, int] | None:
    """Write the head of an answer with a length, up to its empty line; returns it and the length. Pure but for what names it knows.

    None for one that is better left to uvicorn: it has no length or a bad one, says something of the connection, or is not well formed.
    """
    length: bytes | None = None
    lines = [STATUS_LINE[status]]
    for one in (defaults, headers):
        for name, value in one:
            if name not in _plain:
                if name == b"content-length" and length is None:
                    length = value
                elif not _is_plain(name):
                    return None
            lines += (name, b": ", value, b"\r\n")
    if length is None or not length.isdigit():
        return None
    lines.append(b"\r\n")
    head = b"".join(lines)
    # Each line has four parts but for the first and the last, which have one.
    ends = (len(lines) - 2) // 4 + 2
    if head.count(b"\r") != ends or head.count(b"\n") != ends or _CONTROLS.search(head) is not None:
        return None
    return head, int(length)


def _is_plain(name: bytes) -> bool:
    """Whether a name stands in a head as it is, and says nothing of the connection."""
    is_plain = bool(name) and name not in _MEANT_FOR_IT and name == name.lower() and HEADER_RE.search(name) is None
    if is_plain and len(_plain) < _PLAIN_MAX:
        _plain.add(name)
    return is_plain
