"""Parts of timelines: read back as written, merged as far down as all of them reach, garbage left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from ments.db.keyset import Place
from ments.feeds.timeline_rules import (
    Head,
    entry_of,
    from_score,
    merge_stretches,
    place_of,
    read_entries,
    read_head,
    read_stretch,
    to_score,
    wants_pull,
    write_head,
    write_mark,
)

_START = datetime(2026, 3, 1, tzinfo=UTC)
ids = st.integers(0, 2**128 - 1).map(lambda number: UUID(int=number))
# Few moments and many ids: ties are the rule.
places = st.builds(
    lambda moment, post_id: Place(_START + timedelta(microseconds=moment), post_id), st.integers(0, 8), ids
)


@given(st.integers(0, 2**53 - 1))
def test_a_moment_is_exact_as_a_double(score: int) -> None:
    assert to_score(from_score(int(float(score)))) == score


@given(st.integers(0, 2**53), st.lists(ids, max_size=5).map(tuple))
def test_a_head_is_read_back(newest: int, pulled: tuple[UUID, ...]) -> None:
    written = write_head(Head(newest, pulled))
    assert read_head(written) == Head(newest, pulled)
    for spoilt in (written[:-1], b"", b"nonsense", write_mark("token")):
        assert read_head(spoilt) is None


def pairs_of(entries: list[Place]) -> list[bytes]:
    return [part for place in entries for part in (place.id.bytes, b"%d" % to_score(place.at))]


@given(st.lists(places, max_size=5), st.binary(max_size=20).filter(lambda raw: len(raw) != 16), st.binary(max_size=8))
def test_garbage_is_left_out(entries: list[Place], member: bytes, score: bytes) -> None:
    good = pairs_of(entries)
    read = read_entries([*good, member, b"5", *good, b"x" * 16, b"inf", b"x" * 16, b"nan"])
    assert [place_of(entry) for entry in read] == entries * 2
    read = read_entries(
        [*good, b"x" * 16, b"1e300", b"x" * 16, b"-1", b"x" * 16, b"9" * 40, b"x" * 16, score, b"dangling"]
    )
    assert read[: len(entries)] == [entry_of(place) for place in entries]
    assert all(place_of(entry).id.bytes == b"x" * 16 for entry in read[len(entries) :])


@given(st.lists(places, max_size=9))
def test_entries_are_in_the_order_of_places(some: list[Place]) -> None:
    assert [place_of(entry) for entry in sorted(map(entry_of, some))] == sorted(some)


def test_a_score_may_be_written_as_a_double() -> None:
    assert read_entries([b"x" * 16, b"1.7643900001234560e+15"]) == [(1_764_390_000_123_456, b"x" * 16)]


@given(
    st.lists(st.tuples(st.sets(places, max_size=12), st.integers(0, 6)), min_size=1, max_size=4),
    places,
    st.integers(1, 5),
)
# The floor's moment and the last id there can be, which is below the floor like any other of that moment.
@example([({Place(_START + timedelta(microseconds=1), UUID(int=2**128 - 1))}, 1)], Place.last(), 1)
def test_merged_stretches_hold_all_down_to_where_they_reach(
    sources: list[tuple[set[Place], int]], before: Place, count: int
) -> None:
    """Each source keeps what is above its floor; the merged stretch must be what all sources hold from `reaches` on."""
    stretches = []
    for entries, floor in sources:
        score = to_score(_START) + floor if floor else 0
        kept = sorted((p for p in entries if to_score(p.at) > score and p.at <= before.at), reverse=True)
        stretches.append(read_stretch(score, pairs_of(kept[:count]), entry_of(before), count))
    merged = merge_stretches(stretches)
    found, reaches = [place_of(entry) for entry in merged.entries], place_of(merged.reaches)
    everything = {place for entries, _ in sources for place in entries}
    assert found == sorted({p for p in everything if reaches <= p < before}, reverse=True)
    assert merged.is_floor or merged.has_older
    if not merged.has_older:
        assert found == sorted({p for p in everything if p < before}, reverse=True)


def test_an_account_is_not_pulled_and_pushed_in_turn() -> None:
    assert [wants_pull(n, 5_000, is_pulled=False) for n in (0, 5_000, 5_001)] == [False, False, True]
    assert [wants_pull(n, 5_000, is_pulled=True) for n in (5_001, 4_001, 4_000, 0)] == [True, True, False, False]
