"""What a feed is: its kinds, its pages, its errors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from ments.errors import Invalid
from ments.posts.model import PostView


class FeedKind(StrEnum):
    """Which posts, in which order."""

    LATEST = "latest"
    FOLLOWING = "following"
    FOR_YOU = "for_you"


class FeedSource(StrEnum):
    """How a page was made: from a cache, by ranking, or by time."""

    CACHE = "cache"
    PIPELINE = "pipeline"
    CHRONOLOGICAL = "chronological"


@dataclass(frozen=True, slots=True)
class FeedPage:
    """One page. `cursor` asks for the next one, None when there is none.

    `source` stays last: a page read from the cache says so by other bytes at its end.
    """

    posts: list[PostView]
    cursor: str | None
    has_more: bool
    source: FeedSource


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of the landing page's mosaic; sizes in px, length in s for a video. `author` says who, of where."""

    post_id: UUID
    author_id: UUID
    url: str
    width: int | None
    height: int | None
    blurhash: str | None
    alt_text: str
    duration_s: float | None
    content: str
    author: str


@dataclass(frozen=True, slots=True)
class Landing:
    """What the landing page shows of the place: how many are here, and what they posted last."""

    accounts: int
    environments: int
    tiles: list[Tile]


class FeedKindUnavailable(Invalid):
    """There is no such feed, or not yet."""

    code = "feed_kind_unavailable"
