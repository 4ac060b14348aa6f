"""Cross-site writes, refused by where the browser says they come from.

Browsers add Origin to every write and a page cannot change it, so no token in forms is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from ments.errors import Forbidden
from ments.web.asked import asked_origin, header, tidy_origin
from ments.web.cookies import has_bearer, session_cookie

_SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))


class CrossSite(Forbidden):
    """A write came from a page of another site."""

    code = "cross_site"


def refuse_reason(
    *, method: str, origin: str | None, fetch_site: str | None, own: Collection[str], has_cookie: bool, has_bearer: bool
) -> str | None:
    """Say why a request may not pass, or None when it may. Pure.

    origin      the Origin header; "null" comes from sandboxed and opaque pages
    fetch_site  the Sec-Fetch-Site header
    own         origins that are ours: the one that was asked, and PUBLIC_URL's
    has_bearer  a page of another site cannot send Authorization without our leave, and the cookie is then not looked at

    A write that carries no cookie passes without Origin (scripts, the storage's notices), but a
    browser's is still compared: signing somebody in as somebody else is an attack too.
    """
    if method in _SAFE or has_bearer:
        return None
    if fetch_site in ("cross-site", "same-site"):
        return "This request was sent by a page of another site, so it was not carried out."
    if origin is None:
        return (
            "A write with a session cookie needs an Origin header that names this site; scripts may send a token instead."
            if has_cookie
            else None
        )
    if tidy_origin(origin) not in own:
        return "This request was sent by a page of another site, so it was not carried out."
    return None


def guard_origin(public_url: str) -> Callable[[ASGIApp], ASGIApp]:
    """Build the middleware that raises CrossSite; `public_url` counts as ours beside the host that was asked."""
    public_origin = tidy_origin("/".join(public_url.split("/", 3)[:3]))

    def build(app: ASGIApp) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == ScopeType.HTTP:
                reason = refuse_reason(
                    method=scope["method"],
                    origin=header(scope, b"origin"),
                    fetch_site=header(scope, b"sec-fetch-site"),
                    own=(asked_origin(scope), public_origin),
                    has_cookie=session_cookie(scope) is not None,
                    has_bearer=has_bearer(scope),
                )
                if reason is not None:
                    raise CrossSite(reason)
            await app(scope, receive, send)

        return guarded

    return build
