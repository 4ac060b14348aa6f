"""What an account may do to a post beside answering it: the acts, their answers, and a reader's layer over cards. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ments.errors import Conflict, Forbidden, Invalid
from ments.posts.model import Post, PostNotFound, PostStatus, ViewerView, Visibility
from ments.posts.polls import PollResults
from ments.posts.text import clean_text

REASON_MAX = 100
"""Longest reason of a report, in code points."""

DETAILS_MAX = 2000
"""Longest details of a report, in code points."""


class Reaction(StrEnum):
    """What is done to a post, and taken back, by one account once."""

    LIKE = "like"
    REPOST = "repost"
    BOOKMARK = "bookmark"


@dataclass(frozen=True, slots=True)
class Liked:
    """Whether the account likes the post now, and how many do."""

    liked: bool
    likes: int


@dataclass(frozen=True, slots=True)
class Reposted:
    """Whether the account reposts the post now, and how many do."""

    reposted: bool
    reposts: int


@dataclass(frozen=True, slots=True)
class Bookmarked:
    """Whether the post is in the account's list now; how many keep it is nobody's business."""

    bookmarked: bool


@dataclass(frozen=True, slots=True)
class Overlay:
    """One reader's layer over one card: never cached, never another's.

    results  those of the post's poll, when this reader may know them before its end; None otherwise
    """

    viewer: ViewerView = field(default_factory=ViewerView)
    results: PollResults | None = None


NOTHING_DONE = Overlay()


def check_reactable(post: Post | None) -> Post:
    """Return a post that may be reacted to; None is one that the account may not see. Raises PostNotFound, NotPublished."""
    if post is None:
        raise PostNotFound("There is no such post, or it is not visible to you.")
    if post.status is not PostStatus.PUBLISHED:
        raise NotPublished("This post has not appeared yet.")
    return post


def check_repostable(post: Post) -> None:
    """Refuse to carry a post to more readers than its author chose. Raises NotForEverybody."""
    if post.visibility is not Visibility.PUBLIC:
        raise NotForEverybody("Its author shows this post to some readers only, so it can't be reposted.")


def tidy_report(reason: str, details: str) -> tuple[str, str]:
    """Clean what a report says: a reason of 1 to REASON_MAX characters, details to DETAILS_MAX. Raises ReportRefused."""
    if len(reason.strip()) > REASON_MAX or not (reason := " ".join(clean_text(reason.strip()).split())):
        raise ReportRefused(f"Say why, in at most {REASON_MAX} characters.")
    if len(details.strip()) > DETAILS_MAX:
        raise ReportRefused(f"Details have at most {DETAILS_MAX} characters.")
    return reason, clean_text(details.strip())


class NotPublished(Conflict):
    """The post waits for its attachments: its author alone sees it."""

    code = "post_waiting"


class NotForEverybody(Forbidden):
    """Only posts that everybody may see are reposted."""

    code = "post_not_public"


class ReportRefused(Invalid):
    """A report lacks its reason, or is too long."""

    code = "report_refused"


class ReportedAlready(Conflict):
    """The account reported this post before."""

    code = "reported_already"
