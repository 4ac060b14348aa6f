"""The pages that list posts: the landing page, the feed, the latest for anyone, a profile."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from ments.accounts.model import Viewer
from ments.accounts.pages import go_to
from ments.accounts.rules import safe_redirect
from ments.accounts.store import find_account_named
from ments.errors import NotFound
from ments.feeds import store
from ments.feeds.model import FeedKind
from ments.parts import Parts
from ments.posts.store import list_environments, session_for
from ments.web.pages import render

Asked = Request[Any, Any, Any]
_LANDING_POSTS = 5
_TILES_BESIDE = 6


@dataclass(frozen=True, slots=True)
class Tab:
    """One kind of feed that the reader may choose."""

    name: str
    href: str
    current: bool


@get("/", include_in_schema=False, public=True)
async def home(
    request: Asked,
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    redirect: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show a member their feed, and a visitor what this place is with the form to sign in.

    redirect  where a visitor was headed; honoured when it is a path of this site
    """
    if viewer is None:
        return await _landing(request, parts, safe_redirect(redirect))
    if redirect is not None:
        return go_to(request, safe_redirect(redirect), HTTPStatus.FOUND)
    # for_you is in the order of latest until there is a ranking, so there is one tab and no choice to pretend.
    return await _feed(request, parts, viewer, "/", FeedKind.LATEST, cursor)


@get("/browse", include_in_schema=False, public=True)
async def browse(
    request: Asked,
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    environment: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show anyone the latest posts, of everywhere or of one environment."""
    if environment is None:
        return await _feed(request, parts, viewer, "/browse", FeedKind.LATEST, cursor)
    rooms = await list_environments(parts)
    room = next((room for room in rooms if room.slug == environment), None)
    if room is None:
        raise NotFound("There is no environment with this name.", code="environment_not_found")
    page = await store.read_environment_posts(parts, viewer, room.id, cursor=cursor)
    landing = await store.read_landing(parts)
    return render(
        request,
        "feeds/home.html",
        viewer=viewer,
        page=page,
        base=f"/browse?environment={room.slug}",
        room=room,
        environments=rooms,
        tiles=landing.tiles[:_TILES_BESIDE],
        tabs=[],
    )


@get("/profile/{username:str}", include_in_schema=False, public=True)
async def profile(
    request: Asked,
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    username: FromPath[str],
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show a member and what they posted; themselves also what is on its way."""
    page = await store.read_profile_posts(parts, viewer, username, cursor=cursor)
    async with session_for(parts, viewer) as session:
        person = await find_account_named(session, username)
    if person is None:
        raise NotFound("There is no account with this name.", code="account_not_found")
    return render(
        request, "feeds/profile.html", viewer=viewer, person=person, page=page, base=f"/profile/{person.username}"
    )


async def _landing(request: Asked, parts: Parts, redirect: str) -> Response[Any]:
    return render(
        request,
        "feeds/landing.html",
        viewer=None,
        redirect=redirect,
        landing=await store.read_landing(parts),
        environments=await list_environments(parts),
        page=await store.read_feed(parts, None, FeedKind.LATEST, limit=_LANDING_POSTS),
    )


async def _feed(
    request: Asked, parts: Parts, viewer: Viewer | None, path: str, kind: FeedKind, cursor: str | None
) -> Response[Any]:
    landing = await store.read_landing(parts)
    return render(
        request,
        "feeds/home.html",
        viewer=viewer,
        page=await store.read_feed(parts, viewer, kind, cursor=cursor),
        base=path,
        room=None,
        environments=await list_environments(parts),
        tiles=landing.tiles[:_TILES_BESIDE],
        tabs=[Tab("Latest", path, current=True)],
    )


ROUTES = [home, browse, profile]
