"""Who is looking: the dependencies `viewer` and `member` of every route.

`viewer: Viewer | None`  somebody signed in, or a visitor; a session that is over is a visitor
`member: Viewer`         somebody signed in, or the request ends: 401 for programs, the sign-in form for people
`operator: Viewer`       a member who runs the site
A member's writes are counted here; a route says `limit="uploads"` or `"signs"` when it is not an ordinary write.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.types import HTTPScope, Scope

from ments.accounts.model import SessionExpired, SignInNeeded, Viewer
from ments.accounts.sessions import SESSION_S, find_current
from ments.errors import Forbidden, Unauthenticated
from ments.parts import Parts
from ments.web.asked import header
from ments.web.cookies import bearer_token, clear_session_cookie, session_cookie, set_session_cookie
from ments.web.kept_answers import note_account
from ments.web.limits import WRITE_LIMITS, spend
from ments.web.problems import wants_page

_FOUND = "ments_viewer"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


async def find_viewer(parts: Parts, scope: Scope) -> Viewer | None:
    """Return who sent the request, or None for a visitor; looked up once a request. Also for raw ASGI routes.

    A token goes before a cookie. On a page, the cookie of a session that is over is taken away.
    """
    state = cast("dict[str, Any]", scope)
    if _FOUND not in state:
        viewer = state[_FOUND] = await _look_up(parts, scope)
        if viewer is not None:
            note_account(scope, viewer.id)
    return cast("Viewer | None", state[_FOUND])


async def _look_up(parts: Parts, scope: Scope) -> Viewer | None:
    bearer = bearer_token(scope)
    token = session_cookie(scope) if bearer is None else bearer
    if not token:
        return None
    current = await find_current(parts, token)
    if bearer is None:
        if current is None and wants_page(scope):
            clear_session_cookie(scope)
        elif current is not None and current.was_extended:
            set_session_cookie(scope, token, max_age_s=SESSION_S)
    return current.viewer if current else None


async def provide_viewer(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Viewer | None:
    """Provide `viewer`."""
    return await find_viewer(parts, request.scope)


async def provide_member(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], viewer: NamedDependency[Viewer | None]
) -> Viewer:
    """Provide `member`. Raises Unauthenticated, SessionExpired, SignInNeeded or TooMany."""
    if viewer is None:
        raise _not_signed_in(request.scope)
    if request.method not in _SAFE:
        limit = WRITE_LIMITS[request.route_handler.opt.get("limit", "writes")]
        await spend(parts.valkey, limit, str(viewer.id))
    return viewer


async def provide_operator(member: NamedDependency[Viewer]) -> Viewer:
    """Provide `operator`. Raises Forbidden beside what `member` raises."""
    if not member.is_admin:
        raise Forbidden("Only operators of this site may do that.")
    return member


def viewer_mark(viewer: Viewer | None) -> str:
    """Return a short text that differs between viewers, for cache keys and ETags; it does not tell who."""
    return hashlib.sha256(str(viewer.id).encode()).hexdigest()[:16] if viewer else "visitor"


def _not_signed_in(scope: Scope) -> Exception:
    if wants_page(scope):
        return SignInNeeded(_page_to_return_to(scope))
    challenge = {"WWW-Authenticate": "Bearer"}
    if bearer_token(scope) is not None:
        return SessionExpired("This token is unknown or no longer valid.", headers=challenge)
    if session_cookie(scope) is not None:
        return SessionExpired("Your session is over. Sign in again.", headers=challenge)
    return Unauthenticated("Sign in first, or send a token.", headers=challenge)


def _page_to_return_to(scope: Scope) -> str:
    """Return the page to come back to: the one asked, or for a write the one it was sent from."""
    query = scope["query_string"].decode("latin-1")
    if cast("HTTPScope", scope)["method"] in _SAFE:
        # Litestar shortens scope["path"] on the way to a route; raw_path is what was asked.
        path = scope.get("raw_path", b"").decode("latin-1").split("?", 1)[0] or scope["path"]
        return f"{path}?{query}" if query else path
    sent_from = header(scope, b"referer") or ""
    host = header(scope, b"host") or ""
    _, _, rest = sent_from.partition(f"://{host}")
    return rest if rest.startswith("/") else "/"


DEPENDENCIES = {
    "viewer": Provide(provide_viewer),
    "member": Provide(provide_member),
    "operator": Provide(provide_operator),
}
