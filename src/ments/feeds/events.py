"""What readers tell of a feed: which posts they saw, for how long, and what they did. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ments.errors import Invalid


class EventKind(StrEnum):
    """What a reader did, as their page tells it."""

    IMPRESSION = "impression"
    CLICK = "click"
    LIKE = "like"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event, once by its id however often it is sent.

    id        the sender's, new for each event
    at        when it was; None: when it arrives. What cannot be is moved to what can
    dwell_ms  of an impression: how long at least half of the post was in sight
    source    the `source` of the page that showed the post
    """

    id: UUID
    kind: EventKind
    post_id: UUID
    at: datetime | None = None
    dwell_ms: int | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class EventBatch:
    """What `POST /api/feed/events` takes."""

    events: list[FeedEvent]


@dataclass(frozen=True, slots=True)
class EventsTaken:
    """How many events were taken, before it is known which of them came earlier or are of no use."""

    accepted: int


@dataclass(frozen=True, slots=True)
class FeedEventsSent:
    """A reader's page told what was seen. An event of ours; its job writes it down."""

    account_id: UUID
    events: tuple[FeedEvent, ...]


class TooManyEvents(Invalid):
    """A batch is longer than may be."""

    code = "too_many_events"
