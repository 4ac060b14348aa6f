"""Posts, replies and environments over HTTP, as JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody

from ments.accounts.model import Viewer
from ments.parts import Parts
from ments.posts import actions, store
from ments.posts.model import AttachmentDraft, EnvironmentView, NewPost, PostChange, PostView, ReplyPage, Visibility
from ments.posts.polls import PollDraft

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key", required=False, description="The same key and body make one post, not two."
    ),
]


@dataclass(frozen=True, slots=True)
class PostBody:
    """A new post as it is sent. null stands for what is left out, as in the rows that today's front end knows."""

    content: str | None = None
    media_ids: tuple[UUID, ...] | None = None
    poll: PollDraft | None = None
    environment_id: UUID | None = None
    parent_post_id: UUID | None = None
    visibility: Visibility | None = None
    media: tuple[AttachmentDraft, ...] | None = None

    def read(self) -> NewPost:
        """The post to be written."""
        return NewPost(
            content=self.content or "",
            media_ids=self.media_ids or (),
            poll=self.poll,
            environment_id=self.environment_id,
            parent_post_id=self.parent_post_id,
            visibility=self.visibility or Visibility.PUBLIC,
            media=self.media or (),
        )


@post("/api/posts", summary="Write a post", tags=["posts"])
async def create(
    parts: NamedDependency[Parts],
    member: NamedDependency[Viewer],
    data: JSONBody[PostBody],
    idempotency_key: IdempotencyKey = None,
) -> PostView:
    """Answer 201 with the post; its status is `waiting` until its attachments can be played."""
    return await actions.create_post(parts, member, data.read(), idempotency_key=idempotency_key)


@get("/api/posts/{post_id:uuid}", summary="Read a post", tags=["posts"], public=True)
async def read(
    parts: NamedDependency[Parts], viewer: NamedDependency[Viewer | None], post_id: FromPath[UUID]
) -> PostView:
    """Answer with the post, or 404 to those who may not see it."""
    return await store.read_post(parts, viewer, post_id)


@patch("/api/posts/{post_id:uuid}", summary="Change a post", tags=["posts"])
async def change(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID], data: JSONBody[PostChange]
) -> PostView:
    """Change the words, the descriptions, or the attachments while the post waits."""
    return await actions.change_post(parts, member, post_id, data)


@delete("/api/posts/{post_id:uuid}", summary="Delete a post", tags=["posts"])
async def remove(parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]) -> None:
    """Answer 204, also when the post was deleted before."""
    await actions.delete_post(parts, member, post_id)


@get("/api/posts/{post_id:uuid}/replies", summary="Read the replies to a post", tags=["posts"], public=True)
async def replies(
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    post_id: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> ReplyPage:
    """Answer with one page, oldest first."""
    return await store.read_replies(parts, viewer, post_id, cursor=cursor, limit=limit)


@post("/api/posts/{post_id:uuid}/replies", summary="Reply to a post", tags=["posts"])
async def reply(
    parts: NamedDependency[Parts],
    member: NamedDependency[Viewer],
    post_id: FromPath[UUID],
    data: JSONBody[PostBody],
    idempotency_key: IdempotencyKey = None,
) -> PostView:
    """Answer 201 with the reply; the address says what it answers."""
    new = replace(data.read(), parent_post_id=post_id)
    return await actions.create_post(parts, member, new, idempotency_key=idempotency_key)


@dataclass(frozen=True, slots=True)
class Environments:
    """Every room."""

    environments: list[EnvironmentView]


@get("/api/environments", summary="List the environments", tags=["posts"], public=True)
async def environments(parts: NamedDependency[Parts]) -> Environments:
    """Answer with the rooms that posts can be written into, in their order."""
    return Environments(await store.list_environments(parts))


ROUTES = [create, read, change, remove, replies, reply, environments]
