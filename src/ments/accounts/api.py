"""Accounts over HTTP, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from ments.accounts import actions, store
from ments.accounts.model import Account, Viewer
from ments.accounts.sessions import SESSION_S, end_session
from ments.errors import NotFound
from ments.parts import Parts
from ments.web.asked import client_address
from ments.web.cookies import bearer_token, clear_session_cookie, session_cookie, set_session_cookie
from ments.web.limits import REGISTRATIONS, SIGN_INS, spend


@dataclass(frozen=True, slots=True)
class Registration:
    """What registering takes."""

    email: str
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Login:
    """What signing in takes; `login` is an email or a username."""

    login: str
    password: str


@dataclass(frozen=True, slots=True)
class Me:
    """An account as its owner sees it."""

    id: UUID
    username: str
    email: str
    full_name: str
    headline: str
    avatar_url: str | None
    is_verified: bool
    is_admin: bool
    created_at: datetime


@post("/api/auth/register", summary="Make an account and sign in", tags=["accounts"])
async def register(request: Request[Any, Any, Any], parts: NamedDependency[Parts], data: JSONBody[Registration]) -> Me:
    """Answer 201 with the account, and set the session cookie."""
    await spend(parts.valkey, REGISTRATIONS, client_address(request.scope))
    signed_in = await actions.register(parts, email=data.email, username=data.username, password=data.password)
    set_session_cookie(request.scope, signed_in.token, max_age_s=SESSION_S)
    return _me(signed_in.account)


@post("/api/auth/login", status_code=200, summary="Sign in", tags=["accounts"])
async def login(request: Request[Any, Any, Any], parts: NamedDependency[Parts], data: JSONBody[Login]) -> Me:
    """Answer with the account, and set the session cookie."""
    address = client_address(request.scope)
    await spend(parts.valkey, SIGN_INS, address)
    signed_in = await actions.sign_in(parts, login=data.login, password=data.password, address=address)
    set_session_cookie(request.scope, signed_in.token, max_age_s=SESSION_S)
    return _me(signed_in.account)


@post("/api/auth/logout", status_code=204, summary="Sign out", tags=["accounts"])
async def logout(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> None:
    """End the session or token that the request carries; without one there is nothing to do."""
    bearer = bearer_token(request.scope)
    token = session_cookie(request.scope) if bearer is None else bearer
    if token:
        await end_session(parts, token)
    clear_session_cookie(request.scope)


@get("/api/me", summary="Who am I?", tags=["accounts"])
async def me(parts: NamedDependency[Parts], member: NamedDependency[Viewer]) -> Me:
    """Answer with the account that is signed in."""
    async with parts.primary.session() as session:
        account = await store.find_account(session, member.id)
    if account is None:
        raise NotFound("This account is gone.")
    return _me(account)


def _me(account: Account) -> Me:
    return Me(
        id=account.id,
        username=account.username,
        email=account.email,
        full_name=account.full_name,
        headline=account.headline,
        avatar_url=account.avatar_url,
        is_verified=account.is_verified,
        is_admin=account.is_admin,
        created_at=account.created_at,
    )


ROUTES = [register, login, logout, me]
