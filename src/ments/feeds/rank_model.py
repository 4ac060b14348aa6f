"""What a ranking is made of: candidates, what a reader is interested in, and posts in the order ranked. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ments.errors import NotFound
from ments.weights import WEIGHTS

FEATURES: tuple[str, ...] = tuple(WEIGHTS)
"""The features of a post, in the order in which they are kept."""


class Source(StrEnum):
    """Where a candidate comes from; of several, the first here."""

    FOLLOWING = "following"
    NETWORK = "network"
    INTEREST = "interest"
    TRENDING = "trending"
    EXPLORATION = "exploration"


class Form(StrEnum):
    """What a post is, for the mix of a feed."""

    TEXT = "text"
    PHOTO = "photo"
    VIDEO = "video"
    POLL = "poll"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A post that may be ranked for one reader, with all that counts.

    is_followed  the reader follows its author
    passed_on    somebody whom the reader follows reposted it
    """

    post_id: UUID
    author_id: UUID
    published_at: datetime
    source: Source
    form: Form
    has_media: bool = False
    environment_id: UUID | None = None
    hashtags: tuple[str, ...] = ()
    likes: int = 0
    replies: int = 0
    reposts: int = 0
    author_followers: int = 0
    author_is_verified: bool = False
    is_followed: bool = False
    passed_on: bool = False


@dataclass(frozen=True, slots=True)
class Interests:
    """How much a reader is drawn to what, as of now: 0 is not known, 1 about one click, without an upper end."""

    authors: Mapping[UUID, float] = field(default_factory=dict)
    hashtags: Mapping[str, float] = field(default_factory=dict)
    environments: Mapping[UUID, float] = field(default_factory=dict)
    forms: Mapping[Form, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A post with its score, and the inputs that explain it: each feature 0..1 in the order of FEATURES."""

    post_id: UUID
    author_id: UUID
    published_at: datetime
    source: Source
    form: Form
    features: tuple[float, ...]
    boost: float
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one reader is given, in this order, and how it came about.

    weights   in the order of FEATURES
    variants  the reader's variant of each experiment that went into the weights
    """

    id: UUID
    made_at: datetime
    posts: tuple[Ranked, ...]
    weights: tuple[float, ...]
    variants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeatureView:
    """One feature of a post: its value and weight (0..1), and their product."""

    name: str
    value: float
    weight: float
    part: float


@dataclass(frozen=True, slots=True)
class Why:
    """Why a reader sees a post where it is. `says` tells it in sentences, the weightiest first.

    place  in the ranking, from 1; None, like all that follows, for a post that no ranking put there
    """

    post_id: UUID
    says: list[str]
    place: int | None = None
    ranked_at: datetime | None = None
    source: Source | None = None
    score: float | None = None
    boost: float | None = None
    features: list[FeatureView] = field(default_factory=list)
    variants: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RankingWanted:
    """A reader has no ranking that is new enough. An event."""

    account_id: UUID


class NotInFeed(NotFound):
    """The post is not one that the reader may see."""

    code = "post_not_found"
