"""Whole answers, kept for one session in this process for a second: given before the router, or anything else, is asked.

A route is declared with `keep=True`, and its handler says of an answer that it may be kept (`keep_answer`). The key is what the
session was told by, byte for byte, so nobody else's request can have it. A member's own act drops what is kept of them, here
before it is answered, and in the other processes as soon as they hear of it. The server asks for what is kept before it sets
a request up (`give`); what needs more than that, a trace that is exported say, comes the longer way.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from ments.cache import Heard
from ments.cache.kept import Begun, Kept, tell_changed
from ments.observe import Observed, count_answers, is_exporting
from ments.web.caching import is_kept
from ments.web.cookies import SESSION_COOKIE

log = structlog.get_logger()

_ENTRIES_MAX = 20_000
_BYTES_MAX = 128 * 1024 * 1024
_KEEP_LESS = 0.2
_ACCOUNT = "ments_account"
_KEEP = "ments_keep"
_REPLAYED = "ments_kept_answer"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_COOKIE = SESSION_COOKIE.encode()
_COUNT_EVERY_S = 1.0
_OK = b"HTTP/1.1 200 OK\r\n"
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# A trace to be part of; a body to be read.
_ASKS_MORE = frozenset((b"traceparent", b"content-length", b"transfer-encoding", b"expect", b"upgrade"))


def note_account(scope: Scope, account_id: UUID) -> None:
    """Say whose request this is, once it is known."""
    cast("dict[str, Any]", scope)[_ACCOUNT] = account_id


def keep_answer(scope: Scope) -> None:
    """Let the answer to this request be kept for the session that asks. Does nothing for a visitor's."""
    cast("dict[str, Any]", scope)[_KEEP] = True


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with status 200, as it left; without its trace id, which each request has of its own.

    path  as the route was declared; head  status and headers as they are sent
    """

    path: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    head: bytes


Headers = list[tuple[bytes, bytes]]
Key = tuple[bytes, bytes, bytes]
"""Path and query as sent, cookie, token."""


@dataclass(slots=True)
class _Making:
    """An answer that is being made, for the first of those who ask for it."""

    begun: Begun
    scope: dict[str, Any]
    done: asyncio.Future[Answer | None]


class KeptAnswers:
    """ASGI layer around everything. Until it is `attached`, and whenever nothing is heard, it only passes on."""

    def __init__(self, app: ASGIApp, paths: Iterable[str]) -> None:
        """`paths`: those of the routes declared with `keep=True`, without parameters in them."""
        self._app, self._paths = app, frozenset(paths)
        self._heard: Heard | None = None
        self._kept: Kept[Answer] | None = None
        self._making: dict[Key, _Making] = {}
        self._replayed = Observed(_replay)
        # By path: how many answers were given, in how many seconds, of how many bytes, and not counted yet.
        self._given: dict[str, tuple[int, float, int]] = {}
        self._counting: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def attached(self, heard: Heard, keep_s: float) -> AsyncIterator[None]:
        """Keep answers for as long as the block lasts.

        keep_s  for how long each at most, from when it was begun to be made: what a member may be behind by what others do
        """
        kept: Kept[Answer] = Kept(
            heard, keep_s=keep_s, entries_max=_ENTRIES_MAX, bytes_max=_BYTES_MAX, keep_less=_KEEP_LESS
        )
        self._heard, self._kept = heard, kept
        try:
            async with heard.listening():
                yield
        finally:
            self._heard = self._kept = None
            self._count_given()
            kept.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = self._kept
        if kept is None or scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        asked: HTTPScope = scope
        if asked["method"] not in _SAFE:
            await self._app(scope, receive, self._dropping(asked, send))
        elif asked["method"] == "GET" and asked["path"] in self._paths and kept.is_on and (key := _key_of(asked)):
            await self._answer(kept, key, asked, receive, send)
        else:
            await self._app(scope, receive, send)

    # reading ------------------------------------------------------------------------

    def give(self, target: bytes, headers: Headers) -> tuple[bytes, bytes] | None:
        """What is kept for this GET, ready to be sent (`web.protocol.Ready`); counted as answered."""
        kept = self._kept
        if kept is None or is_exporting():
            return None
        started = time.perf_counter()
        told = _read_identity(headers, but=_ASKS_MORE)
        answer = kept.find((target, *told)) if told else None
        if answer is None:
            return None
        self._note_given(answer.path, time.perf_counter() - started, len(answer.body))
        return b"%bx-trace-id: %032x\r\n" % (answer.head, random.getrandbits(128) or 1), answer.body

    async def _answer(self, kept: Kept[Answer], key: Key, scope: HTTPScope, receive: Receive, send: Send) -> None:
        answer = kept.find(key)
        if answer is None:
            making = self._making.get(key)
            if making is not None and not kept.was_dropped_since(making.begun, making.scope.get(_ACCOUNT)):
                # Whoever made it going away must not take it from the others, nor the other way round.
                answer = await asyncio.shield(making.done)
        if answer is None:
            await self._make(kept, key, scope, receive, send)
        else:
            cast("dict[str, Any]", scope)[_REPLAYED] = answer
            await self._replayed(scope, receive, send)

    async def _make(self, kept: Kept[Answer], key: Key, scope: HTTPScope, receive: Receive, send: Send) -> None:
        making = _Making(kept.begin(), cast("dict[str, Any]", scope), asyncio.get_running_loop().create_future())
        self._making[key] = making
        # The router shortens it on the way to a route.
        path = scope["path"]
        taken = _Taken(send)
        try:
            await self._app(scope, receive, taken.send)
            answer = taken.answer(path, making.scope.get(_ACCOUNT) if making.scope.get(_KEEP) else None)
            if answer is not None:
                size = len(answer.body) + 2 * len(answer.head) + sum(map(len, key)) + 1024
                kept.put(making.begun, key, making.scope[_ACCOUNT], answer, size)
                making.done.set_result(answer)
        finally:
            if not making.done.done():
                making.done.set_result(None)
            if self._making.get(key) is making:
                del self._making[key]

    def _note_given(self, path: str, took_s: float, n_bytes: int) -> None:
        n, seconds, total = self._given.get(path, (0, 0.0, 0))
        self._given[path] = (n + 1, seconds + took_s, total + n_bytes)
        if self._counting is None:
            self._counting = asyncio.get_running_loop().call_later(_COUNT_EVERY_S, self._count_given)

    def _count_given(self) -> None:
        """Count and log by the second: a line for each would cost more than the answers."""
        if self._counting is not None:
            self._counting.cancel()
            self._counting = None
        given, self._given = self._given, {}
        for path, (n, seconds, n_bytes) in given.items():
            count_answers("GET", path, HTTPStatus.OK, n, seconds)
            log.info("answered_from_kept", route=path, n=n, bytes=n_bytes, ms=round(seconds * 1000, 2))

    # writing ------------------------------------------------------------------------

    def _dropping(self, scope: HTTPScope, send: Send) -> Send:
        async def drop_and_send(message: Message) -> None:
            # What was refused changed nothing; what failed may have been committed.
            if message["type"] == "http.response.start" and not 400 <= message["status"] < 500:
                account_id: UUID | None = cast("dict[str, Any]", scope).get(_ACCOUNT)
                if account_id is not None and self._heard is not None:
                    await tell_changed(self._heard, account_id)
            await send(message)

        return drop_and_send


def _key_of(scope: HTTPScope) -> Key | None:
    """What a session and its wish are told by; None for visitors."""
    told = _read_identity(scope["headers"])
    if told is None or (not told[1] and _COOKIE not in told[0]):
        return None
    path, query = scope["raw_path"], scope["query_string"]
    return b"%b?%b" % (path, query) if query else path, *told


def _read_identity(
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


class _Taken:
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
        own = [(name, b"HIT" if name == b"x-cache" else value) for name, value in headers if name != b"x-trace-id"]
        body = b"".join(self._body)
        lines = [(name, value) for name, value in own if name != b"content-length"]
        lines.append((b"content-length", b"%d" % len(body)))
        head = b"".join(b"%b: %b\r\n" % line for line in lines)
        # The server looks at headers that it sends, but not when their reader is gone already.
        if len(_CONTROLS.findall(head)) != 2 * len(lines):
            return None
        return Answer(path, own, body, _OK + head)


async def _replay(scope: Any, receive: Any, send: Any) -> None:
    answer: Answer = scope[_REPLAYED]
    scope["path_template"] = scope["path"]
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": list(answer.headers)})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
