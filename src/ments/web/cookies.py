"""The session cookie and the bearer token, as they stand in requests and responses."""

from __future__ import annotations

from typing import Any, cast

from litestar.types import Scope

from ments.web.asked import header

SESSION_COOKIE = "ments_session"
_PENDING = "ments_set_cookie"


def session_cookie(scope: Scope) -> str | None:
    """Return the session token in the request's cookies, or None."""
    text = header(scope, b"cookie")
    if text is None or SESSION_COOKIE not in text:
        return None
    for pair in text.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == SESSION_COOKIE and value:
            return value.strip('"')
    return None


def bearer_token(scope: Scope) -> str | None:
    """Return the token of `Authorization: Bearer`, or None; the scheme's case does not matter."""
    scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def has_bearer(scope: Scope) -> bool:
    """Say whether the request identifies itself by a token; its cookie is then ignored."""
    return bearer_token(scope) is not None


def carries_identity(scope: Scope) -> bool:
    """Say whether the answer may be one person's: a shared cache must not keep it."""
    return has_bearer(scope) or session_cookie(scope) is not None


def set_session_cookie(scope: Scope, token: str, *, max_age_s: int) -> None:
    """Have the response set the session cookie; `max_age_s=0` takes it away."""
    parts = [f"{SESSION_COOKIE}={token}", f"Max-Age={max_age_s}", "Path=/", "HttpOnly", "SameSite=Lax"]
    if scope["scheme"] == "https":
        parts.append("Secure")
    cast("dict[str, Any]", scope)[_PENDING] = "; ".join(parts)


def clear_session_cookie(scope: Scope) -> None:
    """Have the response take the session cookie away."""
    set_session_cookie(scope, "", max_age_s=0)


def pending_cookie(scope: Scope) -> str | None:
    """Return the Set-Cookie value that the response is to carry, or None."""
    return cast("str | None", cast("dict[str, Any]", scope).get(_PENDING))
