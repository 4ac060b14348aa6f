"""What a post may say, hold and be seen by. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from ments.media.model import Audience, MediaStatus
from ments.posts.model import (
    ALT_TEXT_MAX,
    ALT_TEXT_MAX_CODE_POINTS,
    ATTACHMENTS_MAX,
    CONTENT_MAX,
    CONTENT_MAX_CODE_POINTS,
    AttachmentDraft,
    NewPost,
    Post,
    PostChange,
    PostRefused,
    PostStatus,
    ShownStatus,
    Visibility,
)
from ments.posts.polls_rules import tidy_poll
from ments.posts.text import clean_text, count_characters


def clean_content(text: str) -> str:
    """Clean the words of a post. Raises PostRefused for more than CONTENT_MAX characters."""
    # Before anything else looks at it: normalising takes time in the square of a run of accents, 15 s for 160 kB.
    if len(text.strip()) > CONTENT_MAX_CODE_POINTS:
        raise PostRefused(
            "content",
            "content_too_long",
            f"A post has at most {CONTENT_MAX} characters; this text is longer, or has too many combined characters.",
        )
    text = clean_text(text.strip())
    length = count_characters(text)
    if length > CONTENT_MAX:
        raise PostRefused(
            "content", "content_too_long", f"A post has at most {CONTENT_MAX} characters; this one has {length}."
        )
    return text


def clean_alt_text(text: str) -> str:
    """Clean the description of an attachment. Raises PostRefused for more than ALT_TEXT_MAX characters."""
    # The length in code points first, for the same reason as with a post's words.
    if (
        len(text.strip()) > ALT_TEXT_MAX_CODE_POINTS
        or count_characters(text := clean_text(text.strip())) > ALT_TEXT_MAX
    ):
        raise PostRefused("media", "alt_text_too_long", f"A description has at most {ALT_TEXT_MAX} characters.")
    return text


def check_whole(content: str, media_ids: Sequence[UUID], question: str = "") -> None:
    """Refuse a post without words or attachments, with too many, or with one twice.

    content, question  cleaned already; a poll's question is words enough
    Raises PostRefused.
    """
    if len(media_ids) > ATTACHMENTS_MAX:
        raise PostRefused("media_ids", "too_many_attachments", f"A post holds at most {ATTACHMENTS_MAX} attachments.")
    if len(set(media_ids)) != len(media_ids):
        raise PostRefused("media_ids", "media_twice", "The same attachment is listed twice.")
    if not content and not media_ids and not question:
        raise PostRefused("content", "post_empty", "Write something, or attach a photo or video.")


def tidy_new(new: NewPost) -> NewPost:
    """Clean a new post and gather its attachments, with their descriptions, in `media`. Raises PostRefused."""
    poll = new.poll and tidy_poll(new.poll)
    content = clean_content(new.content)
    ids = list(new.media_ids) or [attachment.id for attachment in new.media]
    check_whole(content, ids, (poll and poll.question) or "")
    return replace(new, content=content, media_ids=tuple(ids), poll=poll, media=describe(ids, {}, new.media))


def apply_change(
    content: str, attached: Sequence[AttachmentDraft], change: PostChange, question: str = ""
) -> tuple[str, tuple[AttachmentDraft, ...]]:
    """The words and attachments of a post after a change; `question` is that of its poll. Raises PostRefused."""
    content = content if change.content is None else clean_content(change.content)
    ids = [attachment.id for attachment in attached] if change.media_ids is None else list(change.media_ids)
    check_whole(content, ids, question)
    return content, describe(ids, {attachment.id: attachment.alt_text for attachment in attached}, change.media)


def describe(
    ids: Sequence[UUID], known: Mapping[UUID, str], described: Sequence[AttachmentDraft]
) -> tuple[AttachmentDraft, ...]:
    """Put descriptions to attachments: the new ones over those known. Raises PostRefused for a stray one."""
    if len(described) > ATTACHMENTS_MAX:
        raise PostRefused("media", "too_many_descriptions", f"A post holds at most {ATTACHMENTS_MAX} attachments.")
    texts = dict(known)
    for attachment in described:
        if attachment.id not in ids:
            raise PostRefused("media", "media_unknown", "A description names something that is not attached.")
        texts[attachment.id] = clean_alt_text(attachment.alt_text)
    return tuple(AttachmentDraft(media_id, texts.get(media_id, "")) for media_id in ids)


# audience ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reach:
    """What a reader is to those behind a post.

    hidden   the reader blocked its author, or the author the reader
    follows  the reader follows the account whose followers the post is for
    """

    hidden: bool = False
    follows: bool = False


VISITOR = Reach()
"""Somebody who is not signed in: nobody's follower, and in nobody's way."""


def may_see(viewer_id: UUID | None, post: Post, reach: Reach) -> bool:
    """Say whether a reader may see a post: the only place that says it.

    viewer_id  None for somebody who is not signed in
    reach      read together with the post (`posts.seen`)
    """
    if post.status is PostStatus.DELETED:
        return False
    if viewer_id is not None and viewer_id == post.account_id:
        return True
    if reach.hidden or post.status is not PostStatus.PUBLISHED:
        return False
    match post.visibility:
        case Visibility.PUBLIC:
            return True
        case Visibility.FOLLOWERS:
            # Whoever wrote the post that this answers sees the answers to it.
            return viewer_id is not None and (reach.follows or viewer_id == post.followers_of)
        case Visibility.PRIVATE:
            return False


def is_for_everybody(post: Post) -> bool:
    """Say whether a post looks the same to every reader, so that one copy may be cached for all.

    A block hides it from one member; copies for all are laid out for each member, and members' ties asked for then.
    """
    return may_see(None, post, VISITOR)


_WIDTH = {Visibility.PRIVATE: 0, Visibility.FOLLOWERS: 1, Visibility.PUBLIC: 2}


def narrower_of(one: Visibility, other: Visibility) -> Visibility:
    """The visibility of a reply: never wider than what it answers."""
    return min(one, other, key=_WIDTH.__getitem__)


def circle_of(visibility: Visibility, parent: Post | None) -> UUID | None:
    """Whose followers a post is for, when they are not its author's own (None): a reply's to a `followers` post are the post's.

    Otherwise those who see the post would not see what is answered to it, its author among them, and others would.
    """
    if visibility is not Visibility.FOLLOWERS or parent is None or parent.visibility is not Visibility.FOLLOWERS:
        return None
    return parent.followers_of or parent.account_id


def audience_of(visibility: Visibility) -> Audience:
    """Who must be able to fetch the attachments of a post."""
    return Audience.PUBLIC if visibility is Visibility.PUBLIC else Audience.PRIVATE


@dataclass(frozen=True, slots=True)
class Attachable:
    """What decides whether media may be attached, and whether they let their post appear.

    generation  the folder they play from, None when there is nothing to play; post_id  the post that holds them
    """

    id: UUID
    account_id: UUID
    status: MediaStatus
    generation: str | None
    post_id: UUID | None

    def is_playable_for(self, audience: Audience) -> bool:
        """'p...' folders can be fetched by everybody; the author alone may fetch from either kind."""
        if not self.status.is_playable or self.generation is None:
            return False
        return audience is Audience.PRIVATE or self.generation.startswith(audience.letter)


def check_attachable(media_ids: Sequence[UUID], found: Sequence[Attachable], author_id: UUID, post_id: UUID) -> None:
    """Refuse media that are not the author's own, hang on another post, or will never play.

    found  those of `media_ids` that exist. Somebody else's and none at all get the same answer.
    Raises PostRefused.
    """
    by_id = {media.id: media for media in found}
    for media_id in media_ids:
        media = by_id.get(media_id)
        if media is None or media.account_id != author_id:
            raise PostRefused("media_ids", "media_unknown", "One of the attachments is not an upload of yours.")
        if media.post_id not in (None, post_id):
            raise PostRefused("media_ids", "media_taken", "One of the attachments belongs to another post already.")
        if media.post_id is None and media.status in (MediaStatus.FAILED, MediaStatus.ERASED):
            raise PostRefused("media_ids", "media_failed", "One of the attachments could not be prepared. Remove it.")


def has_room_for(post: Post, attached: Sequence[AttachmentDraft], found: Sequence[Attachable], media_id: UUID) -> bool:
    """Say whether media may become another attachment of a post: its author's own, on no post yet, and not one too many."""
    media = next((one for one in found if one.id == media_id), None)
    return (
        media is not None
        and media.account_id == post.account_id
        and media.post_id is None
        and media.status.is_playable
        and len(attached) < ATTACHMENTS_MAX
    )


def are_playable(attached: Sequence[Attachable], audience: Audience) -> bool:
    """Say whether a post may appear: all that it holds can be played by its audience."""
    return all(media.is_playable_for(audience) for media in attached)


def shown_status(status: PostStatus, media_statuses: Sequence[MediaStatus]) -> ShownStatus:
    """What a reader is told: a waiting post with a failed attachment will not appear by itself."""
    if status is PostStatus.WAITING:
        return (
            ShownStatus.FAILED
            if {MediaStatus.FAILED, MediaStatus.ERASED} & set(media_statuses)
            else ShownStatus.WAITING
        )
    return ShownStatus.PUBLISHED
