"""The plain forms of a profile (follow, block, mute), and the lists of its followers and of whom it follows."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from ments.accounts.model import Viewer
from ments.accounts.store import session_for
from ments.errors import Invalid
from ments.parts import Parts
from ments.relationships import store
from ments.relationships.actions import set_tie
from ments.relationships.model import PeoplePage, Profile, TieKind
from ments.relationships.rules import no_account
from ments.relationships.store import FoundProfile
from ments.web.asked import last_segment
from ments.web.pages import render

Asked = Request[Any, Any, Any]


@post([f"/profile/{{username:str}}/{kind}" for kind in TieKind], include_in_schema=False)
async def tie_form(
    request: Asked, parts: NamedDependency[Parts], member: NamedDependency[Viewer], username: FromPath[str]
) -> Response[Any]:
    """Follow, mute or block, or no longer, as the form says, and come back to what is shown of the profile then."""
    kind = TieKind(last_segment(request.scope))
    form = await request.form()
    wanted = {"true": True, "false": False}.get(str(form.get(kind)))
    if wanted is None:
        raise Invalid("The form says neither yes nor no.", code="choice_unknown")
    standing = await set_tie(parts, member, kind, username, wanted=wanted)
    # Under htmx, too: it follows, and takes the page's main part from the answer.
    headers = {"Location": f"/profile/{standing.username}"}
    return Response(content="", status_code=HTTPStatus.SEE_OTHER, headers=headers, media_type=MediaType.HTML)


@get("/profile/{username:str}/followers", include_in_schema=False, public=True)
async def followers_page(
    request: Asked,
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    username: FromPath[str],
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show who follows an account, the newest first."""
    people = await store.read_followers(parts, viewer, username, cursor=cursor)
    return await _people(request, parts, viewer, username, "followers", people)


@get("/profile/{username:str}/following", include_in_schema=False, public=True)
async def following_page(
    request: Asked,
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    username: FromPath[str],
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show whom an account follows, the newest first."""
    people = await store.read_following(parts, viewer, username, cursor=cursor)
    return await _people(request, parts, viewer, username, "following", people)


async def find_shown(parts: Parts, viewer: Viewer | None, username: str) -> FoundProfile:
    """Find the profile that a page is about; one that the reader blocked is for `show_blocked`.

    Raises AccountNotFound, also to whom the account blocked.
    """
    async with session_for(parts, viewer) as session:
        found = await store.find_profile(session, username, viewer.id if viewer else None)
    if found is None or (found.ties.hidden and not found.ties.blocks):
        raise no_account()
    return found


def show_blocked(request: Asked, viewer: Viewer | None, person: Profile) -> Response[Any]:
    """Answer with what is left of the profile of an account that the reader blocked: the way back, and no more."""
    return render(request, "relationships/blocked.html", status=HTTPStatus.NOT_FOUND, viewer=viewer, person=person)


async def _people(
    request: Asked, parts: Parts, viewer: Viewer | None, username: str, which: str, people: PeoplePage
) -> Response[Any]:
    person = await store.read_profile(parts, viewer, username)
    return render(
        request,
        "relationships/people.html",
        viewer=viewer,
        person=person,
        people=people,
        which=which,
        base=f"/profile/{person.username}/{which}",
    )


ROUTES = [tie_form, followers_page, following_page]
