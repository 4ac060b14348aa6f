"""What is believed of the events that a page tells."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.db.keyset import BadCursor, Place
from ments.feeds.events import EventKind, FeedEvent, TooManyEvents
from ments.feeds.events_rules import BATCH_MOST, tidy_events
from ments.feeds.rank_cursor import InTime, RankedPlace, TimedPlace, decode_rank_cursor, encode_rank_cursor

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
zones = st.none() | st.just(UTC) | st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))
events = st.builds(
    FeedEvent,
    id=st.integers(1, 30).map(lambda n: UUID(int=n)),
    kind=st.sampled_from(EventKind),
    post_id=st.uuids(),
    at=st.none() | st.datetimes(timezones=zones),
    dwell_ms=st.none() | st.integers(-(10**12), 10**12),
    source=st.none() | st.text(max_size=9) | st.sampled_from(["pipeline", "cache", "chronological"]),
)


@given(st.lists(events, max_size=BATCH_MOST))
def test_each_event_is_taken_once_within_bounds(some: list[FeedEvent]) -> None:
    tidy = tidy_events(some, NOW)
    assert [event.id for event in tidy] == list(dict.fromkeys(event.id for event in some)) or {
        event.id for event in tidy
    } == {event.id for event in some}
    assert len({event.id for event in tidy}) == len(tidy)
    for event in tidy:
        assert event.at is not None
        assert NOW - timedelta(days=1) <= event.at <= NOW
        assert (event.dwell_ms is not None) == (event.kind is EventKind.IMPRESSION)
        assert event.dwell_ms is None or 0 <= event.dwell_ms <= 600_000
        assert event.source in (None, "pipeline", "cache", "chronological")
    assert tidy_events(tidy, NOW) == tidy


def test_a_batch_is_bounded() -> None:
    event = FeedEvent(UUID(int=1), EventKind.CLICK, UUID(int=2))
    with pytest.raises(TooManyEvents):
        tidy_events([event] * (BATCH_MOST + 1), NOW)


moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds have none)
places = st.builds(RankedPlace, st.uuids(), st.integers(0, 10**6)) | st.builds(
    TimedPlace, st.sampled_from(InTime), st.builds(Place, moments, st.uuids()), st.integers(0, 2**62)
)


@given(places, st.integers(0, 80), st.sampled_from("Ab3_-"))
def test_cursors_come_back_whole_or_not_at_all(place: RankedPlace | TimedPlace, at: int, letter: str) -> None:
    cursor = encode_rank_cursor("secret", place)
    assert decode_rank_cursor("secret", cursor) == place
    with pytest.raises(BadCursor):
        decode_rank_cursor("another", cursor)
    at %= len(cursor)
    changed = cursor[:at] + letter + cursor[at + 1 :]
    if changed != cursor:
        try:
            found = decode_rank_cursor("secret", changed)
        except BadCursor:
            return
        # The last letter holds bits that stand for nothing.
        assert (found, at) == (place, len(cursor) - 1)
