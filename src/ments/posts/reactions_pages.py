"""Reacting to a post by plain forms; under htmx the answer is the piece of the card that changed."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from ments.accounts.model import Viewer
from ments.accounts.pages import go_to
from ments.accounts.rules import safe_redirect
from ments.parts import Parts
from ments.posts import polls_actions, store
from ments.posts import reactions_actions as actions
from ments.posts.polls import BallotRefused
from ments.posts.reactions import Reaction
from ments.web.asked import last_segment
from ments.web.pages import render_piece

Asked = Request[Any, Any, Any]


@post(
    [f"/post/{{post_id:uuid}}/{reaction}" for reaction in Reaction], include_in_schema=False, status_code=HTTPStatus.OK
)
async def react_form(
    request: Asked, parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]
) -> Response[Any]:
    """Like, repost or keep, or no longer, as the form says."""
    reaction = Reaction(last_segment(request.scope))
    # A form says what it wants, not that it wants another than before: sent twice it is done once.
    on = (await request.form()).get("on") != "no"
    count = await actions.react(parts, member, post_id, reaction, wanted=on)
    if not _is_piece(request):
        return go_to(request, _came_from(request, post_id))
    return render_piece("posts/acted.html", post_id=post_id, reaction=reaction.value, on=on, count=count)


@post("/post/{post_id:uuid}/vote", include_in_schema=False, status_code=HTTPStatus.OK)
async def vote_form(
    request: Asked, parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]
) -> Response[Any]:
    """Vote for what is ticked. Nothing ticked, under htmx: the form again, with what is wrong."""
    form = await request.form()
    error = None
    try:
        await polls_actions.vote(parts, member, post_id, _ids(form.getall("option", [])))
    except BallotRefused as refused:
        if not _is_piece(request):
            raise
        error = refused.safe
    if not _is_piece(request):
        return go_to(request, _came_from(request, post_id))
    shown = await store.read_post(parts, member, post_id)
    return render_piece("posts/polled.html", post=shown, viewer=member, error=error)


def _ids(values: list[Any]) -> list[UUID]:
    try:
        return [UUID(value) for value in values if isinstance(value, str)]
    except ValueError:
        raise BallotRefused("One of these options is not of this poll.") from None


def _is_piece(request: Asked) -> bool:
    return request.headers.get("hx-request") == "true"


def _came_from(request: Asked, post_id: UUID) -> str:
    """The page that the form stood on, at the post; the post's own when the browser does not say."""
    _, _, rest = request.headers.get("referer", "").partition(f"://{request.headers.get('host', '')}")
    page = safe_redirect(rest.split("#", 1)[0], otherwise=f"/post/{post_id}")
    return f"{page}#post-{post_id}"


ROUTES = [react_form, vote_form]
