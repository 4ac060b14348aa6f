"""One whole answer, as it may be given again, and what it is told by: the very bytes of a session's request."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar.types import HTTPScope, Message, Send

from ments.web.caching import is_kept
from ments.web.cookies import SESSION_COOKIE

_COOKIE = SESSION_COOKIE.encode()
_OK = b"HTTP/1.1 200 OK\r\n"
_LENGTHS = struct.Struct("<HI")
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with status 200, as it left; without its trace id, which each request has of its own.

    path  as the route was declared; head  status and headers as they are sent
    """

    path: str
    head: bytes
    body: bytes

    def list_headers(self) -> Headers:
        """The headers of `head`, each a name in lower case and a value."""
        lines = self.head[len(_OK) :].split(b"\r\n")[:-1]
        return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]

    def pack(self) -> bytes:
        """As bytes, for another process."""
        path = self.path.encode()
        return b"".join((_LENGTHS.pack(len(path), len(self.head)), path, self.head, self.body))

    @staticmethod
    def unpack(packed: bytes) -> Answer:
        """What `pack` made bytes of."""
        path, head = _LENGTHS.unpack_from(packed)
        head_at = _LENGTHS.size + path
        body_at = head_at + head
        return Answer(packed[_LENGTHS.size : head_at].decode(), packed[head_at:body_at], packed[body_at:])


Key = tuple[bytes, bytes, bytes]
"""Path and query as sent, cookie, token."""


def key_of(scope: HTTPScope) -> Key | None:
    """What a session and its wish are told by; None for visitors."""
    told = read_identity(scope["headers"])
    if told is None or (not told[1] and _COOKIE not in told[0]):
        return None
    path, query = scope["raw_path"], scope["query_string"]
    return b"%b?%b" % (path, query) if query else path, *told


def name_of(key: Key) -> bytes:
    """A key as bytes, which no other key has."""
    target, cookie, token = key
    return b"%d %d %b%b%b" % (len(target), len(cookie), target, cookie, token)


def size_of(key: Key, answer: Answer) -> int:
    """Bytes that an answer takes where it is kept, about."""
    return len(answer.body) + 2 * len(answer.head) + sum(map(len, key)) + 1024


def read_identity(
    headers: Iterable[tuple[bytes, bytes]], but: frozenset[bytes] = frozenset()
) -> tuple[bytes, bytes] | None:
    """The cookie and the token of a request, empty where there is none; None where there are several, or a header of `but`."""
    cookie = token = b""
    for name, value in headers:
        if name == b"cookie":
            if cookie:
                return None
            cookie = value
        elif name == b"authorization":
            if token:
                return None
            token = value
        elif name in but:
            return None
    return cookie, token


class Taken:
    """Passes an answer on and notes it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Any = None
        self._body: list[bytes] = []
        self._is_whole = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._body.append(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
        await self._send(message)

    def answer(self, path: str, account_id: UUID | None) -> Answer | None:
        """The answer, when it may be kept for this account."""
        if self._start is None or not self._is_whole:
            return None
        headers = [(name.lower(), value) for name, value in self._start["headers"]]
        sets_cookie = any(name == b"set-cookie" for name, _ in headers)
        if not is_kept(
            status=self._start["status"], sets_cookie=sets_cookie, drawn_for=account_id, carries_identity=True
        ):
            return None
        body = b"".join(self._body)
        own = (b"x-trace-id", b"content-length")
        lines = [(name, b"HIT" if name == b"x-cache" else value) for name, value in headers if name not in own]
        lines.append((b"content-length", b"%d" % len(body)))
        head = b"".join(b"%b: %b\r\n" % line for line in lines)
        # The server looks at headers that it sends, but not when their reader is gone already.
        if len(_CONTROLS.findall(head)) != 2 * len(lines):
            return None
        return Answer(path, _OK + head, body)
