"""What is trending: from inputs to a list, the same each time, by accounts and not by acts."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ments.feeds.trending_rules import (
    ACCOUNTS_LEAST,
    BUCKETS_S,
    ENTRIES_MOST,
    OF_ONE_AUTHOR_MOST,
    Inputs,
    Override,
    OverrideKind,
    Pulse,
    explain,
    rank_trending,
    score,
)

NOW = datetime(2026, 3, 14, 12, 0, 0, 123456, tzinfo=UTC)
moments = st.integers(0, 10**6).map(lambda s: NOW - timedelta(seconds=s))

pulses = st.builds(
    Pulse,
    post_id=st.integers(1, 90).map(lambda n: UUID(int=n)),
    author_id=st.integers(1, 40).map(lambda n: UUID(int=n)),
    published_at=moments,
    accounts=st.integers(0, 500),
    pulses=st.tuples(*[st.floats(0, 2500) for _ in BUCKETS_S]),
    since=st.none() | moments,
)
overrides = st.builds(
    Override, post_id=st.integers(1, 90).map(lambda n: UUID(int=n)), kind=st.sampled_from(OverrideKind), at=moments
)
inputs = st.builds(
    Inputs,
    at=st.just(NOW),
    pulses=st.lists(pulses, max_size=80, unique_by=lambda pulse: pulse.post_id).map(tuple),
    overrides=st.lists(overrides, max_size=12, unique_by=lambda one: one.post_id).map(tuple),
)


@settings(max_examples=80)
@given(inputs)
def test_the_list_keeps_its_rules_and_is_made_again_from_what_is_stored(given_inputs: Inputs) -> None:
    entries = rank_trending(given_inputs)
    stored = msgspec.json.decode(msgspec.json.encode(given_inputs), type=Inputs)
    assert rank_trending(stored) == entries
    assert len(entries) <= ENTRIES_MOST
    assert [entry.place for entry in entries] == list(range(1, len(entries) + 1))
    assert len({entry.post_id for entry in entries}) == len(entries)
    by_id = {pulse.post_id: pulse for pulse in given_inputs.pulses}
    said = {one.post_id: one.kind for one in given_inputs.overrides}
    pinned = [entry for entry in entries if entry.is_pinned]
    rest = entries[len(pinned) :]
    assert {entry.post_id for entry in pinned} == {
        post_id for post_id, kind in said.items() if kind is OverrideKind.PINNED and post_id in by_id
    }
    assert list(entries[: len(pinned)]) == pinned
    assert all(entry.post_id not in said for entry in rest)
    assert [entry.score for entry in rest] == sorted((entry.score for entry in rest), reverse=True)
    assert all(by_id[entry.post_id].accounts >= ACCOUNTS_LEAST for entry in rest)
    authors = Counter(by_id[entry.post_id].author_id for entry in rest)
    assert all(n <= OF_ONE_AUTHOR_MOST for n in authors.values())
    for post_id in {*by_id, *said, UUID(int=999)}:
        assert explain(given_inputs, post_id)


@given(pulses, st.integers(0, len(BUCKETS_S) - 2))
def test_what_is_later_weighs_more_and_more_weighs_more(pulse: Pulse, bucket: int) -> None:
    def with_weight(at: int) -> float:
        weights = tuple(3.0 if n == at else 0.0 for n in range(len(BUCKETS_S)))
        return score(Pulse(pulse.post_id, pulse.author_id, pulse.published_at, 1, weights), NOW)

    assert with_weight(bucket) > with_weight(bucket + 1) > 0
    more = tuple(weight + 1 for weight in pulse.pulses)
    assert score(Pulse(pulse.post_id, pulse.author_id, pulse.published_at, 1, more), NOW) > score(pulse, NOW)
