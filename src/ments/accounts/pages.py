"""Signing in and out as pages: forms that work without JavaScript, and under htmx."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from ments.accounts import actions
from ments.accounts.model import InvalidFields, LinkSpent, Taken, Viewer
from ments.accounts.rules import safe_redirect
from ments.accounts.sessions import SESSION_S, end_session
from ments.errors import MentsError
from ments.parts import Parts
from ments.web.asked import client_address
from ments.web.cookies import clear_session_cookie, session_cookie, set_session_cookie
from ments.web.doorway import was_head
from ments.web.limits import REGISTRATIONS, SIGN_INS, spend
from ments.web.pages import render

Asked = Request[Any, Any, Any]
# What fetches a link to show what is behind it, and would use it up before its reader clicks.
_PREVIEWERS = ("bot", "preview", "facebookexternalhit", "slack", "whatsapp", "telegram", "discord", "skype", "crawler")


@get("/login", include_in_schema=False)
async def login_page(
    request: Asked, viewer: NamedDependency[Viewer | None], redirect: FromQuery[str | None] = None
) -> Response[Any]:
    """Show the sign-in form; who is signed in goes on."""
    return _form_page(request, viewer, "accounts/login.html", redirect)


@get("/register", include_in_schema=False)
async def register_page(
    request: Asked, viewer: NamedDependency[Viewer | None], redirect: FromQuery[str | None] = None
) -> Response[Any]:
    """Show the registration form; who is signed in goes on."""
    return _form_page(request, viewer, "accounts/register.html", redirect)


@post("/login", include_in_schema=False)
async def login_form(request: Asked, parts: NamedDependency[Parts]) -> Response[Any]:
    """Sign in and go to where the visitor was headed, or show the form again with what is wrong."""
    form = await _fields(request, "login", "password", "redirect")
    address = client_address(request.scope)
    try:
        await spend(parts.valkey, SIGN_INS, address)
        signed_in = await actions.sign_in(parts, login=form["login"], password=form["password"], address=address)
    except MentsError as error:
        return _show_again(request, "accounts/login.html", form, error)
    set_session_cookie(request.scope, signed_in.token, max_age_s=SESSION_S)
    return go_to(request, safe_redirect(form["redirect"]))


@post("/register", include_in_schema=False)
async def register_form(request: Asked, parts: NamedDependency[Parts]) -> Response[Any]:
    """Make an account and sign it in, or show the form again with what is wrong."""
    form = await _fields(request, "email", "username", "password", "redirect")
    try:
        await spend(parts.valkey, REGISTRATIONS, client_address(request.scope))
        signed_in = await actions.register(
            parts, email=form["email"], username=form["username"], password=form["password"]
        )
    except MentsError as error:
        return _show_again(request, "accounts/register.html", form, error)
    set_session_cookie(request.scope, signed_in.token, max_age_s=SESSION_S)
    return go_to(request, safe_redirect(form["redirect"]))


@post("/logout", include_in_schema=False)
async def logout_form(request: Asked, parts: NamedDependency[Parts]) -> Response[Any]:
    """Sign out and go to the front page."""
    if token := session_cookie(request.scope):
        await end_session(parts, token)
    clear_session_cookie(request.scope)
    return go_to(request, "/")


@get("/auth/link", include_in_schema=False)
async def link_page(
    request: Asked, parts: NamedDependency[Parts], viewer: NamedDependency[Viewer | None], token: FromQuery[str] = ""
) -> Response[Any]:
    """Sign in by a one-time link; what only looks ahead is shown a button, so that the link stays good."""
    if _only_looks_ahead(request):
        return render(request, "accounts/link.html", token=token)
    return await _use_link(request, parts, viewer, token)


@post("/auth/link", include_in_schema=False)
async def link_form(
    request: Asked, parts: NamedDependency[Parts], viewer: NamedDependency[Viewer | None]
) -> Response[Any]:
    """Sign in by the button of `link_page`."""
    form = await _fields(request, "token")
    return await _use_link(request, parts, viewer, form["token"])


@get("/auth/callback", include_in_schema=False)
async def callback(
    request: Asked, viewer: NamedDependency[Viewer | None], redirect: FromQuery[str | None] = None
) -> Response[Any]:
    """Go on to a path of this site, by way of the sign-in form when nobody is signed in."""
    target = safe_redirect(redirect)
    return go_to(request, target if viewer else f"/?redirect={quote(target, safe='/')}", HTTPStatus.FOUND)


def go_to(request: Asked, path: str, status: HTTPStatus = HTTPStatus.SEE_OTHER) -> Response[Any]:
    """Send the browser to a path of this site; under htmx as a whole page, since who is signed in has changed."""
    if request.headers.get("hx-request") == "true":
        headers = {"HX-Redirect": path}
        return Response(content="", status_code=HTTPStatus.OK, headers=headers, media_type=MediaType.HTML)
    return Response(content="", status_code=status, headers={"Location": path}, media_type=MediaType.HTML)


async def _use_link(request: Asked, parts: Parts, viewer: Viewer | None, token: str) -> Response[Any]:
    try:
        signed_in = await actions.use_link(parts, token)
    except LinkSpent:
        if viewer:
            # A reload of the page that signed them in.
            return go_to(request, "/")
        raise
    set_session_cookie(request.scope, signed_in.token, max_age_s=SESSION_S)
    return go_to(request, "/")


def _only_looks_ahead(request: Asked) -> bool:
    purpose = request.headers.get("sec-purpose", "") + request.headers.get("purpose", "")
    agent = request.headers.get("user-agent", "").lower()
    return was_head(request.scope) or "prefetch" in purpose or any(name in agent for name in _PREVIEWERS)


def _form_page(request: Asked, viewer: Viewer | None, template: str, redirect: str | None) -> Response[Any]:
    target = safe_redirect(redirect)
    if viewer:
        return go_to(request, target, HTTPStatus.FOUND)
    return render(request, template, redirect=target, values={}, errors={}, problem=None)


def _show_again(request: Asked, template: str, form: dict[str, str], error: MentsError) -> Response[Any]:
    """Render a form with what was typed (but the password), `errors` by field, and the sentence above it.

    problem  {code, message}, with `tries_left` after a wrong try and `paused_until` (ISO 8601) during a pause
    """
    if error.problem_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise error
    fields = error.fields if isinstance(error, (InvalidFields, Taken)) else ()
    paused = error.problem_status == HTTPStatus.TOO_MANY_REQUESTS
    return render(
        request,
        template,
        headers=error.headers,
        status=HTTPStatus.TOO_MANY_REQUESTS if paused else HTTPStatus.UNPROCESSABLE_ENTITY,
        redirect=safe_redirect(form["redirect"]),
        values={name: value for name, value in form.items() if name != "password"},
        errors={item.field: item.message for item in fields},
        problem={"code": error.problem_code, "message": error.safe, **error.extra},
    )


async def _fields(request: Asked, *names: str) -> dict[str, str]:
    """Read text fields of a form; a missing one, or a file in its place, is ''."""
    form = await request.form()
    found = {name: form.get(name) for name in names}
    return {name: value if isinstance(value, str) else "" for name, value in found.items()}


ROUTES = [login_page, register_page, login_form, register_form, logout_form, link_page, link_form, callback]
