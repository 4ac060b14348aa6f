"""What is believed of the events that a page tells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ments.feeds.events import EventKind, FeedEvent, TooManyEvents
from ments.feeds.model import FeedSource

BATCH_MOST = 100
"""Events of one request."""

A_DAY_MOST = 5_000
"""Events of one account a day; what is beyond is not kept. Somebody who reads for eight hours makes half of it."""

_LATE_MOST = timedelta(days=1)
_DWELL_MOST_MS = 10 * 60 * 1000
_SOURCES = frozenset(source.value for source in FeedSource)


def tidy_events(events: Sequence[FeedEvent], now: datetime) -> tuple[FeedEvent, ...]:
    """Take each event of a batch once, at a moment that can be and with a dwell that can be.

    Raises TooManyEvents when there are more than BATCH_MOST.
    """
    if len(events) > BATCH_MOST:
        raise TooManyEvents(f"A batch holds at most {BATCH_MOST} events.")
    once = {event.id: event for event in reversed(events)}
    return tuple(_tidy(event, now) for event in reversed(once.values()))


def _tidy(event: FeedEvent, now: datetime) -> FeedEvent:
    dwell_ms = None
    if event.kind is EventKind.IMPRESSION:
        dwell_ms = min(max(event.dwell_ms or 0, 0), _DWELL_MOST_MS)
    return replace(
        event,
        at=_clamp(event.at, now),
        dwell_ms=dwell_ms,
        source=event.source if event.source in _SOURCES else None,
    )


def _clamp(at: datetime | None, now: datetime) -> datetime:
    if at is None:
        return now
    try:
        # A moment without a zone is meant as UTC.
        moment = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        return now
    return min(max(moment, now - _LATE_MOST), now)
