"""Whole answers, kept for one session in this process for a second: given before the router, or anything else, is asked.

A route is declared with `keep=True`, and its handler says of an answer that it may be kept (`keep_answer`). The key is what the
session was told by, byte for byte, so nobody else's request can have it. A member's own act drops what is kept of them, here
before it is answered, and in the other processes as soon as they hear of it. The server asks for what is kept before it sets
a request up (`give`); what needs more than that, a trace that is exported say, comes the longer way.

The processes of one server share what they keep (`share`): one makes an answer, and the others take it over, unless its
account changed so lately that its maker may not have heard. Who wants what another process is making waits for it, for a bound.
"""

from __future__ import annotations

import asyncio
import random
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
from ments.cache.shared_memory import Shared, SharedCache
from ments.observe import Observed, count_answers, is_exporting
from ments.web.answer import Answer, Headers, Key, Taken, key_of, name_of, read_identity, size_of

log = structlog.get_logger()

_ENTRIES_MAX = 20_000
_BYTES_MAX = 128 * 1024 * 1024
_KEEP_LESS = 0.2
_ACCOUNT = "ments_account"
_KEEP = "ments_keep"
_REPLAYED = "ments_kept_answer"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_COUNT_EVERY_S = 1.0
# How long what another process makes is waited for, from when that began, and how often it is looked for.
_AWAITED_S, _LOOK_EVERY_S = 0.25, 0.003
# A trace to be part of; a body to be read.
_ASKS_MORE = frozenset((b"traceparent", b"content-length", b"transfer-encoding", b"expect", b"upgrade"))


def note_account(scope: Scope, account_id: UUID) -> None:
    """Say whose request this is, once it is known."""
    cast("dict[str, Any]", scope)[_ACCOUNT] = account_id


def keep_answer(scope: Scope) -> None:
    """Let the answer to this request be kept for the session that asks. Does nothing for a visitor's."""
    cast("dict[str, Any]", scope)[_KEEP] = True


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
        self._paths_sent = frozenset(path.encode() for path in self._paths)
        self._shared: SharedCache | None = None
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

    def share(self, shared: SharedCache | None) -> None:
        """Share what is kept with the other processes of the server from now on; None: with nobody."""
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = self._kept
        if kept is None or scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        asked: HTTPScope = scope
        if asked["method"] not in _SAFE:
            await self._app(scope, receive, self._dropping(asked, send))
        elif asked["method"] == "GET" and asked["path"] in self._paths and kept.is_on and (key := key_of(asked)):
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
        told = read_identity(headers, but=_ASKS_MORE)
        if told is None or not any(told):
            return None
        key = target, *told
        answer = kept.find(key)
        if answer is None and target.partition(b"?")[0] in self._paths_sent:
            answer = self._take_over(kept, key)
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
            answer = await self._make(kept, key, scope, receive, send)
        if answer is not None:
            cast("dict[str, Any]", scope)[_REPLAYED] = answer
            await self._replayed(scope, receive, send)

    async def _make(
        self, kept: Kept[Answer], key: Key, scope: HTTPScope, receive: Receive, send: Send
    ) -> Answer | None:
        """Send an answer, for others to be given as well; or return the one of another process, which is to be sent."""
        making = _Making(kept.begin(), cast("dict[str, Any]", scope), asyncio.get_running_loop().create_future())
        self._making[key] = making
        answer = None
        try:
            answer = await self._await_others(kept, key)
            if answer is not None:
                return answer
            making.begun = kept.begin()
            answer = await self._make_here(kept, key, making, receive, send)
            return None
        finally:
            making.done.set_result(answer)
            if self._making.get(key) is making:
                del self._making[key]

    async def _make_here(
        self, kept: Kept[Answer], key: Key, making: _Making, receive: Receive, send: Send
    ) -> Answer | None:
        """Send an answer; returns it if others may be given it as well."""
        # The router shortens it on the way to a route.
        scope, path = making.scope, making.scope["path"]
        taken = Taken(send)
        shared, name = self._shared, name_of(key)
        if shared is not None:
            shared.begin(name, making.begun.at)
        try:
            await self._app(cast("Scope", scope), receive, taken.send)
            account_id: UUID | None = scope.get(_ACCOUNT)
            answer = taken.answer(path, account_id if scope.get(_KEEP) else None)
            if answer is None or account_id is None:
                return None
            until = kept.put(making.begun, key, account_id, answer, size_of(key, answer))
            if until is not None and shared is not None:
                shared.put(name, account_id, making.begun.at, until, answer.pack())
            return answer
        finally:
            if shared is not None:
                shared.end(name)

    async def _await_others(self, kept: Kept[Answer], key: Key) -> Answer | None:
        """What another process has kept, or makes and soon has."""
        shared = self._shared
        if shared is None:
            return None
        name, entered = name_of(key), time.monotonic()
        while kept.is_on:
            # Before the value, so that one that is made meanwhile is found.
            since = shared.making_since(name)
            found = shared.find(name)
            if found is not None:
                return _adopt(kept, key, found)
            if since is None or time.monotonic() > min(since, entered) + _AWAITED_S:
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        return None

    def _take_over(self, kept: Kept[Answer], key: Key) -> Answer | None:
        """What another process keeps, kept here as well from now on."""
        found = self._shared.find(name_of(key)) if self._shared is not None else None
        return None if found is None else _adopt(kept, key, found)

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


def _adopt(kept: Kept[Answer], key: Key, found: Shared) -> Answer | None:
    answer = Answer.unpack(found.value)
    is_kept = kept.adopt(found.begun, found.until, key, found.account_id, answer, size_of(key, answer))
    return answer if is_kept else None


async def _replay(scope: Any, receive: Any, send: Any) -> None:
    answer: Answer = scope[_REPLAYED]
    scope["path_template"] = scope["path"]
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": answer.list_headers()})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
