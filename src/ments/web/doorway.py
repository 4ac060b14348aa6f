"""The outermost layer around the web application: what holds for every answer, also for those to mistakes.

It settles who asks, and adds the security headers, Cache-Control and a pending cookie.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from ments.settings import Settings
from ments.web.asked import believe_the_edge
from ments.web.caching import PRIVATE, PUBLIC, PUBLIC_VARY, cache_control
from ments.web.cookies import carries_identity, pending_cookie

_HEAD = "ments_head"
_CONTROLS = {control: (b"cache-control", control.encode()) for control in (PRIVATE, PUBLIC)}
_VARY = (b"vary", PUBLIC_VARY.encode())


def was_head(scope: Scope) -> bool:
    """Say whether the request was a HEAD, which routes see as a GET."""
    return bool(cast("dict[str, Any]", scope).get(_HEAD))


def content_security_policy(*, cdn_url: str, storage_url: str) -> str:
    """Build the policy: everything from this site, media also from the CDN, uploads also to the storage. Pure."""
    cdn, storage = _origin(cdn_url), _origin(storage_url)

    def sources(kind: str, *items: str) -> str:
        return " ".join((kind, "'self'", *(item for item in items if item)))

    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            sources("img-src", "data:", "blob:", cdn),
            sources("media-src", "blob:", cdn),
            sources("connect-src", storage, cdn),
            # hls.js demuxes in a worker that it makes from a blob.
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


class Doorway:
    """ASGI layer: normalises the request, finishes the response's headers."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._edge_secret = settings.secret_for("edge")
        policy = content_security_policy(cdn_url=settings.cdn_url, storage_url=settings.s3_public_endpoint_url)
        headers: dict[bytes, bytes] = {
            b"content-security-policy": policy.encode(),
            b"x-content-type-options": b"nosniff",
            b"x-frame-options": b"DENY",
            # Not `no-referrer`: browsers then send `Origin: null` with forms, and every form would be refused.
            b"referrer-policy": b"same-origin",
            b"cross-origin-opener-policy": b"same-origin",
            b"permissions-policy": b"camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
        }
        self._headers, self._names = list(headers.items()), frozenset(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        asked: HTTPScope = scope
        believe_the_edge(asked, self._edge_secret)
        is_head = asked["method"] == "HEAD"
        if is_head:
            # Every GET route answers HEAD too; Litestar would want each declared.
            asked["method"] = "GET"
            cast("dict[str, Any]", asked)[_HEAD] = True

        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._finished(asked, message["status"], list(message["headers"]))
            elif is_head and message["type"] == "http.response.body":
                message["body"] = b""
            if not is_head:
                await send(message)
                return
            # The server looks there, too: an answer to a HEAD has a length and no body.
            asked["method"] = "HEAD"
            try:
                await send(message)
            finally:
                asked["method"] = "GET"

        try:
            await self._app(scope, receive, finish)
        finally:
            if is_head:
                asked["method"] = "HEAD"

    def _finished(self, scope: HTTPScope, status: int, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name.lower(): value for name, value in headers}
        if self._names.isdisjoint(present):
            headers += self._headers
        else:
            headers += [(name, value) for name, value in self._headers if name not in present]
        if b"cache-control" not in present:
            control = cache_control(
                method=scope["method"],
                status=status,
                for_everyone=_is_for_everyone(scope),
                carries_identity=carries_identity(scope),
            )
            headers.append(_CONTROLS[control])
            if control == PUBLIC:
                headers.append(_VARY)
            present[b"cache-control"] = _CONTROLS[control][1]
        if b"public" in present[b"cache-control"]:
            # A shared cache would hand one visitor's cookie to everybody.
            return [(name, value) for name, value in headers if name.lower() != b"set-cookie"]
        if cookie := pending_cookie(scope):
            headers.append((b"set-cookie", cookie.encode()))
        return headers


def _is_for_everyone(scope: HTTPScope) -> bool:
    """Look up the `public=True` that a route was declared with; Litestar leaves the route in the scope."""
    route: Any = cast("dict[str, Any]", scope).get("route_handler")
    return bool(route is not None and route.opt.get("public"))
