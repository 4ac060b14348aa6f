"""What a post is: its row, the shapes that leave by JSON and templates, its events and errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ments.errors import Conflict, Forbidden, Invalid, NotFound
from ments.media.caption_tracks import CaptionView
from ments.media.shown import ErrorView, VariantView
from ments.posts.polls import PollDraft, PollView

CONTENT_MAX = 500
"""Longest content, in extended grapheme clusters: what a reader calls a character (an emoji of five code points is one)."""

CONTENT_MAX_CODE_POINTS = 4000
"""A second limit, in code points, so that a "character" of thousands of stacked accents is no way around the first."""

ALT_TEXT_MAX = 1000
"""Longest description of an attachment, in extended grapheme clusters."""

ALT_TEXT_MAX_CODE_POINTS = 4000
"""The same second limit for a description."""

ATTACHMENTS_MAX = 4
"""Most attachments of a post: the layout of a card is drawn for one to four."""


class Visibility(StrEnum):
    """Whom the author lets see a post."""

    PUBLIC = "public"
    FOLLOWERS = "followers"
    PRIVATE = "private"


class PostStatus(StrEnum):
    """`waiting` until every attachment can be played under the audience that the post needs."""

    WAITING = "waiting"
    PUBLISHED = "published"
    DELETED = "deleted"


class ShownStatus(StrEnum):
    """What a reader is told: `failed` is a waiting post with an attachment that could not be prepared."""

    WAITING = "waiting"
    PUBLISHED = "published"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Post:
    """What the rules need to know of a post.

    followers_of  whose followers a `followers` post is for: its author's own when None; a reply's to such a post are the
                  post's
    """

    id: UUID
    account_id: UUID
    parent_post_id: UUID | None
    content: str
    visibility: Visibility
    status: PostStatus
    followers_of: UUID | None = None


# what leaves ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuthorView:
    """Who wrote a post, as cards show it."""

    id: UUID
    username: str
    avatar_url: str | None
    full_name: str
    headline: str
    is_verified: bool


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """A topic room."""

    id: UUID
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class MediaView:
    """One attachment. `media_url` is None until it can be played; sizes in px, `progress` from 0 to 1."""

    id: UUID
    media_url: str | None
    media_type: str | None  # photo, video, audio; None until the file has been looked at
    media_thumbnail: str | None
    width: int | None
    height: int | None
    duration_s: float | None
    alt_text: str
    status: str  # uploading, queued, processing, playable, ready, failed
    progress: float
    error: ErrorView | None
    blurhash: str | None
    hls_url: str | None  # while a film plays before it is ready, a playlist that still grows
    variants: list[VariantView]
    filename: str | None  # its author alone is told the name of the file
    storyboard_url: str | None = None
    captions: list[CaptionView] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ViewerView:
    """What the reader has done to a post; None instead of this when nobody is signed in."""

    liked: bool = False
    reposted: bool = False
    bookmarked: bool = False
    votes: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class PostView:
    """A post as JSON and templates show it. `viewer` stays last: feeds write it over the end of ready bytes."""

    id: UUID
    content: str
    created_at: datetime
    published_at: datetime | None  # when it came to be seen; the order of feeds
    edited_at: datetime | None
    status: ShownStatus
    visibility: Visibility
    author: AuthorView
    environment: EnvironmentView | None
    media: list[MediaView]
    poll: PollView | None
    likes: int
    replies: int
    reposts: int
    parent_post_id: UUID | None
    viewer: ViewerView | None = None


@dataclass(frozen=True, slots=True)
class ReplyPage:
    """One page of replies, oldest first. `cursor` asks for the next one; None when there is none."""

    posts: list[PostView]
    cursor: str | None
    has_more: bool


# what comes in ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AttachmentDraft:
    """An attachment and what it shows, in words, for people who can't see it."""

    id: UUID
    alt_text: str = ""


@dataclass(frozen=True, slots=True)
class NewPost:
    """A post to be written. `media` adds descriptions to `media_ids`, or stands for it when that is empty."""

    content: str = ""
    media_ids: tuple[UUID, ...] = ()
    poll: PollDraft | None = None
    environment_id: UUID | None = None
    parent_post_id: UUID | None = None
    visibility: Visibility = Visibility.PUBLIC
    media: tuple[AttachmentDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class PostChange:
    """What to change; None leaves a thing as it is. `media_ids` is the whole new list, `media` only describes."""

    content: str | None = None
    media_ids: tuple[UUID, ...] | None = None
    media: tuple[AttachmentDraft, ...] = ()


# events -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PostPublished:
    """A post came to be seen by those who may see it."""

    post_id: UUID
    author_id: UUID


@dataclass(frozen=True, slots=True)
class PostChanged:
    """The words or attachments of a published post were changed."""

    post_id: UUID
    author_id: UUID


@dataclass(frozen=True, slots=True)
class PostDeleted:
    """A post is gone; `media_ids` are the attachments that nobody needs any more."""

    post_id: UUID
    author_id: UUID
    media_ids: tuple[UUID, ...]


# errors -----------------------------------------------------------------------------


class PostNotFound(NotFound):
    """There is no such post, or the reader may not see it."""

    code = "post_not_found"


class PostRefused(Invalid):
    """One field of a post is not acceptable."""

    code = "post_refused"

    def __init__(self, field: str, code: str, safe: str) -> None:
        super().__init__(safe, code=code, extra={"errors": [{"field": field, "code": code, "message": safe}]})
        self.field = field


class NotTheAuthor(Forbidden):
    """The asker sees the post and may not change it."""

    code = "not_the_author"


class PostPublishedAlready(Conflict):
    """Attachments can be added while a post waits, not after readers have seen it."""

    code = "post_published"


class IdempotencyKeyReused(Invalid):
    """The key came before with another request."""

    code = "idempotency_key_reused"
