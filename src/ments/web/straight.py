"""Answers on a straight way: addresses that are asked so often that the router would be most of what they take.

A route is declared with `straight=answer`, a function that makes the same answer from the bare request. What is out of the ordinary
about a request, and whatever fails, goes the long way, where it is read, or told, as for any other address.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from ments.parts import Parts

# What needs no unquoting: each value stands as it is meant.
_PLAIN = re.compile(r"[a-z_]+=[A-Za-z0-9_.~-]*(?:&[a-z_]+=[A-Za-z0-9_.~-]*)*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.~-]+")
_FAILED = "ments_failed"


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer with status 200: its headers, but for the length, and its body."""

    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


Answer = Callable[[Parts, HTTPScope, Mapping[str, str]], Awaitable[Ready | None]]
"""Makes the answer to a GET with these parameters, that in its path among them; None where it is better asked the long way."""


def read_plain(query: bytes) -> dict[str, str] | None:
    """Read a query whose values stand as they are meant, each name once; None for any other. Pure."""
    if not query:
        return {}
    text = query.decode("latin-1")
    if _PLAIN.fullmatch(text) is None:
        return None
    found: dict[str, str] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if name in found:
            return None
        found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class _Way:
    """A route that is answered straight. name: that of the parameter its path ends in, None where it has none."""

    handler: Any
    template: str
    name: str | None


class Straight:
    """ASGI layer around Litestar, to which it leaves what it does not answer."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        # By path, or by all of it up to a name that stands at its end.
        self._ways: dict[str, _Way] = {}
        for route in app.routes:
            for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
                if "straight" in handler.opt:
                    start, is_named, name = route.path_format.partition("{")
                    self._ways[start] = _Way(handler, route.path_format, name.removesuffix("}") if is_named else None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            asked: HTTPScope = scope
            if asked["method"] == "GET" and await self._answer(asked, send):
                return
        await self._app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, send: Send) -> bool:
        path = scope["path"]
        way, end = self._ways.get(path), ""
        if way is None:
            start, slash, end = path.rpartition("/")
            way = self._ways.get(start + slash)
        if way is None or (way.name is None) != (not end):
            return False
        parameters = read_plain(scope["query_string"])
        if parameters is None or way.name in parameters:
            return False
        if way.name is not None:
            if not _PLAIN_NAME.fullmatch(end):
                return False
            parameters[way.name] = end
        try:
            ready: Ready | None = await way.handler.opt["straight"](self._app.state.parts, scope, parameters)
        except Exception as error:
            cast("dict[str, Any]", scope)[_FAILED] = error
            return False
        if ready is None:
            return False
        # What the router would have left there.
        state = cast("dict[str, Any]", scope)
        state["route_handler"], state["path_template"] = way.handler, way.template
        headers = [*ready.headers, (b"content-length", b"%d" % len(ready.body))]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        await send({"type": "http.response.body", "body": ready.body, "more_body": False})
        return True


def raise_failed(app: ASGIApp) -> ASGIApp:
    """Middleware of the router: what failed on the straight way is told as if it had failed here, and not tried again."""

    async def raising(scope: Scope, receive: Receive, send: Send) -> None:
        failed: Exception | None = cast("dict[str, Any]", scope).get(_FAILED)
        if failed is not None:
            raise failed
        await app(scope, receive, send)

    return raising
