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
from ments.errors import NotFound
from ments.feeds import lists, store
from ments.feeds.model import FeedKind
from ments.feeds.rules import choose_kind
from ments.feeds.trending_read import read_trending_page
from ments.parts import Parts
from ments.posts.model import PostView
from ments.posts.store import list_environments
from ments.relationships.pages import find_shown, show_blocked
from ments.web.pages import render

Asked = Request[Any, Any, Any]
_LANDING_POSTS = 5
_TILES_BESIDE = 6
_TRENDING_BESIDE = 4


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
    kind: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show a member their feed, and a visitor what this place is with the form to sign in.

    redirect  where a visitor was headed; honoured when it is a path of this site
    kind      which of a member's feeds: the ranked one without, `following`, `latest`
    """
    if viewer is None:
        return await _landing(request, parts, safe_redirect(redirect))
    if redirect is not None:
        return go_to(request, safe_redirect(redirect), HTTPStatus.FOUND)
    return await _feed(request, parts, viewer, "/", choose_kind(kind, signed_in=True), cursor)


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
    page = await lists.read_environment_posts(parts, viewer, room.id, cursor=cursor)
    landing = await store.read_landing(parts, viewer)
    return render(
        request,
        "feeds/home.html",
        viewer=viewer,
        page=page,
        base=f"/browse?environment={room.slug}",
        room=room,
        environments=rooms,
        tiles=landing.tiles[:_TILES_BESIDE],
        trending=await _trending_beside(parts, viewer),
        tabs=[],
        kind=FeedKind.LATEST,
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
    found = await find_shown(parts, viewer, username)
    person = found.profile
    if found.ties.blocks:
        return show_blocked(request, viewer, person)
    page = await lists.read_profile_posts(parts, viewer, username, cursor=cursor)
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
    landing = await store.read_landing(parts, viewer)
    tabs = _tabs(path, kind)
    return render(
        request,
        "feeds/home.html",
        viewer=viewer,
        page=await store.read_feed(parts, viewer, kind, cursor=cursor),
        base=next(tab.href for tab in tabs if tab.current),
        kind=kind,
        room=None,
        environments=await list_environments(parts),
        tiles=landing.tiles[:_TILES_BESIDE],
        trending=await _trending_beside(parts, viewer),
        tabs=tabs,
    )


async def _trending_beside(parts: Parts, viewer: Viewer | None) -> list[PostView]:
    return (await read_trending_page(parts, viewer, limit=_TRENDING_BESIDE)).posts


def _tabs(path: str, kind: FeedKind) -> list[Tab]:
    """The feeds that can be chosen on a page; on /browse there is the one that everybody has."""
    if path != "/":
        return [Tab("Latest", path, current=True)]
    tabs = ((FeedKind.FOR_YOU, "For you", "/"), (FeedKind.FOLLOWING, "Following", "/?kind=following"), (FeedKind.LATEST, "Latest", "/?kind=latest"))  # fmt: skip
    return [Tab(name, href, current=one is kind) for one, name, href in tabs]


ROUTES = [home, browse, profile]
