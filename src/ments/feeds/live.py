"""A feed followed live: server-sent events of how many posts are new, and of the counts of those on the screen.

A stream ends after some minutes, and the browser opens the next; a reader who does not take what is sent is dropped.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import Any, cast

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.types import ASGIApp, Receive, Scope, Send

from ments.accounts.model import Viewer
from ments.errors import TooMany
from ments.feeds.live_hub import close_hub, hub_of
from ments.feeds.live_screen import Screen, read_ids
from ments.feeds.rules import choose_kind
from ments.parts import Parts
from ments.web.asked import client_address
from ments.web.bounded import ENDLESS

LIVE_STREAMS_MAX = 2_048
"""Streams that one process holds."""

_STREAMS_OF_ONE = 12
_LIFE_S = 600.0
_HEARTBEAT_S = 15.0
_SEND_S = 10.0
# Not more often than a person looks.
_PAUSE_S = 1.0
_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    # nginx passes each event on as it comes.
    (b"x-accel-buffering", b"no"),
]


@get("/api/feed/live", summary="Follow a feed", tags=["feeds"])
async def follow(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    kind: FromQuery[str | None] = None,
    posts: FromQuery[str | None] = None,
) -> ASGIApp:
    """Send `new` {posts[{id, author}], count, more} as posts of this kind come that the reader may see, and `counts` {id: {likes, replies, reposts}}.

    posts  ids of those on the screen, with commas between, 50 at most; 20 new ones are told of, then `more` is true
    """
    screen = Screen(viewer.id if viewer else None, choose_kind(kind, signed_in=viewer is not None), read_ids(posts))
    stream = LiveStream(parts, screen, str(viewer.id if viewer else client_address(request.scope)))
    stream.enter()
    return stream


class LiveStream:
    """One open stream, as an ASGI application. Its place is taken by `enter`, and given back when it ends."""

    def __init__(self, parts: Parts, screen: Screen, subject: str) -> None:
        self._parts, self._screen, self._subject = parts, screen, subject

    def enter(self) -> None:
        """Take a place. Raises TooMany when this reader, or this process, has as many as it may."""
        if _OPEN.total() >= LIVE_STREAMS_MAX or _OPEN[self._subject] >= _STREAMS_OF_ONE:
            raise TooMany("Too many pages follow the feed. Reload this one to see what is new.", code="too_many_streams", retry_after_s=30)  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cast("dict[str, Any]", scope)[ENDLESS] = True
        _OPEN[self._subject] += 1
        hub = hub_of(self._parts)
        hub.join(self._screen)
        gone = asyncio.create_task(self._wait_until_gone(receive))
        try:
            await _send(send, {"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            # Not all of them come back in one moment after a restart.
            await _send(send, _body(b"retry: %d\n\n" % random.randint(2_000, 8_000)))  # noqa: S311 (spreading)
            await self._tell(send, gone)
            if not gone.done():
                await _send(send, _body(b"", more=False))
        except TimeoutError:
            # Nobody takes what is sent: what is still on its way is of no use, and the server closes the connection.
            return
        finally:
            gone.cancel()
            hub.leave(self._screen)
            close_hub(self._parts)
            _OPEN[self._subject] -= 1
            if not _OPEN[self._subject]:
                del _OPEN[self._subject]

    async def _tell(self, send: Send, gone: asyncio.Task[None]) -> None:
        ends_at = time.monotonic() + _LIFE_S * random.uniform(0.8, 1.0)  # noqa: S311 (spreading)
        while not gone.done() and time.monotonic() < ends_at:
            try:
                async with asyncio.timeout(_HEARTBEAT_S):
                    await self._screen.wake.wait()
            except TimeoutError:
                await _send(send, _body(b": still here\n\n"))
                continue
            if gone.done():
                return
            await _send(send, _body(self._screen.take_news()))
            await asyncio.sleep(_PAUSE_S)

    async def _wait_until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._screen.wake.set()


_OPEN: Counter[str] = Counter()


def _body(text: bytes, *, more: bool = True) -> Any:
    return {"type": "http.response.body", "body": text, "more_body": more}


async def _send(send: Send, message: Any) -> None:
    """Raises TimeoutError when it is not taken."""
    async with asyncio.timeout(_SEND_S):
        await send(message)


ROUTES = [follow]
