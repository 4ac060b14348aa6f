"""The pages of one post: writing it, reading it with its replies, changing it by plain forms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from ments.accounts.model import Viewer
from ments.accounts.pages import go_to
from ments.errors import Invalid
from ments.media.actions.retry import retry_media
from ments.media.model import MediaStatus
from ments.parts import Parts
from ments.posts import actions, store
from ments.posts.model import NewPost, NotTheAuthor, PostChange, PostRefused, Visibility
from ments.posts.polls import PollDraft, PollKind
from ments.posts.sharing import share_card
from ments.web.pages import render, render_piece, site_url

Asked = Request[Any, Any, Any]
_WILL_NOT_PLAY = (MediaStatus.FAILED, MediaStatus.ERASED)


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the composer when it is drawn."""

    text: str = ""
    chosen: str | None = None
    visibility: str = Visibility.PUBLIC
    error: str | None = None
    instead: UUID | None = None
    poll: PollDraft | None = None
    kept: tuple[Any, ...] = ()


@get("/create", include_in_schema=False)
async def create_page(
    request: Asked,
    parts: NamedDependency[Parts],
    member: NamedDependency[Viewer],
    environment: FromQuery[str | None] = None,
    instead: FromQuery[UUID | None] = None,
) -> Response[Any]:
    """Show the composer; `instead` brings back a waiting post, so that a file that failed can be replaced."""
    written = Written(chosen=environment)
    if instead is not None:
        waiting = await store.read_post(parts, member, instead)
        if waiting.author.id != member.id:
            raise NotTheAuthor("Only its author may change a post.")
        written = Written(
            text=waiting.content,
            chosen=str(waiting.environment.id) if waiting.environment else None,
            visibility=waiting.visibility,
            instead=instead,
            kept=tuple(media for media in waiting.media if media.status not in _WILL_NOT_PLAY),
        )
    return await _composer(request, parts, member, written)


@post("/create", include_in_schema=False)
async def create_form(request: Asked, parts: NamedDependency[Parts], member: NamedDependency[Viewer]) -> Response[Any]:
    """Post the words of the form; files need a script and come by the API."""
    form = await request.form()
    written = Written(
        text=_text(form.get("content")),
        chosen=_text(form.get("environment_id")) or None,
        visibility=_text(form.get("visibility")) or Visibility.PUBLIC,
        poll=_poll_of(form) if form.get("poll") else None,
    )
    try:
        await actions.create_post(parts, member, _new_post(written))
    except Invalid as error:
        return await _composer(request, parts, member, replace(written, error=error.safe))
    return go_to(request, "/")


@get("/post/{post_id:uuid}", include_in_schema=False, public=True)
async def permalink(
    request: Asked,
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    post_id: FromPath[UUID],
    after: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show a post and its replies, oldest first; `after` is the cursor of an earlier page of them."""
    return await _permalink(request, parts, viewer, post_id, after=after)


@get("/post/{post_id:uuid}/card", include_in_schema=False)
async def card(
    parts: NamedDependency[Parts], viewer: NamedDependency[Viewer | None], post_id: FromPath[UUID]
) -> Response[Any]:
    """Answer with the card alone: a page puts it where an older one stood."""
    shown = await store.read_post(parts, viewer, post_id)
    template = "posts/one-reply.html" if shown.parent_post_id else "posts/one.html"
    return render_piece(template, post=shown, viewer=viewer)


@post("/post/{post_id:uuid}/replies", include_in_schema=False)
async def reply_form(
    request: Asked, parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]
) -> Response[Any]:
    """Reply, and come back to the post."""
    form = await request.form()
    text = _text(form.get("content"))
    try:
        made = await actions.create_post(parts, member, NewPost(content=text, parent_post_id=post_id))
    except Invalid as error:
        return await _permalink(request, parts, member, post_id, reply_text=text, reply_error=error.safe)
    return go_to(request, f"/post/{post_id}#post-{made.id}")


@post("/post/{post_id:uuid}/delete", include_in_schema=False)
async def delete_form(
    request: Asked, parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]
) -> Response[Any]:
    """Delete a post of one's own, and go to what it answered or to the feed."""
    shown = await store.read_post(parts, member, post_id)
    await actions.delete_post(parts, member, post_id)
    return go_to(request, f"/post/{shown.parent_post_id}" if shown.parent_post_id else "/")


@post("/post/{post_id:uuid}/without/{media_id:uuid}", include_in_schema=False)
async def without_form(
    request: Asked,
    parts: NamedDependency[Parts],
    member: NamedDependency[Viewer],
    post_id: FromPath[UUID],
    media_id: FromPath[UUID],
) -> Response[Any]:
    """Let a post go out without one of its attachments."""
    shown = await store.read_post(parts, member, post_id)
    rest = tuple(media.id for media in shown.media if media.id != media_id)
    await actions.change_post(parts, member, post_id, PostChange(media_ids=rest))
    return go_to(request, f"/post/{post_id}")


@post("/post/{post_id:uuid}/retry/{media_id:uuid}", include_in_schema=False, opt={"limit": "uploads"})
async def retry_form(
    request: Asked,
    parts: NamedDependency[Parts],
    member: NamedDependency[Viewer],
    post_id: FromPath[UUID],
    media_id: FromPath[UUID],
) -> Response[Any]:
    """Prepare an attachment once more, and come back to the post."""
    await retry_media(parts, member.id, media_id)
    return go_to(request, f"/post/{post_id}")


async def _composer(request: Asked, parts: Parts, member: Viewer, written: Written) -> Response[Any]:
    return render(
        request,
        "posts/create.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if written.error else HTTPStatus.OK,
        viewer=member,
        environments=await store.list_environments(parts),
        text=written.text,
        chosen=written.chosen,
        visibility=written.visibility,
        error=written.error,
        instead=written.instead,
        poll=written.poll,
        kept=written.kept,
    )


async def _permalink(
    request: Asked,
    parts: Parts,
    viewer: Viewer | None,
    post_id: UUID,
    *,
    after: str | None = None,
    reply_text: str = "",
    reply_error: str | None = None,
) -> Response[Any]:
    shown = await store.read_post(parts, viewer, post_id)
    return render(
        request,
        "posts/permalink.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if reply_error else HTTPStatus.OK,
        viewer=viewer,
        post=shown,
        name=shown.author.full_name or shown.author.username,
        replies=await store.read_replies(parts, viewer, post_id, cursor=after),
        reply_text=reply_text,
        reply_error=reply_error,
        share=share_card(shown, site_url(request)),
    )


def _new_post(written: Written) -> NewPost:
    """Read the composer's form. Raises PostRefused for a choice that it never offered."""
    try:
        environment_id = UUID(written.chosen) if written.chosen else None
        visibility = Visibility(written.visibility)
    except ValueError:
        raise PostRefused("environment_id", "choice_unknown", "Choose one of the lists' entries.") from None
    return NewPost(content=written.text, environment_id=environment_id, visibility=visibility, poll=written.poll)


def _poll_of(form: FormMultiDict) -> PollDraft:
    """Read the composer's poll; lines that were left empty are no options."""
    options = tuple(text for value in form.getall("poll_option", []) if (text := _text(value)).strip())
    kind = PollKind.MULTIPLE_CHOICE if form.get("poll_kind") == PollKind.MULTIPLE_CHOICE else PollKind.SINGLE_CHOICE
    ends = _text(form.get("poll_ends"))
    return PollDraft(options, kind, ends_in_s=int(ends) if ends.isdecimal() and len(ends) < 9 else None)


def _text(value: Any) -> str:
    """A field of a form as text; a missing one, or a file in its place, is ''."""
    return value if isinstance(value, str) else ""


ROUTES = [create_page, create_form, permalink, card, reply_form, delete_form, without_form, retry_form]
