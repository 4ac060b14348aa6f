"""Ranges of bytes, against sets of bytes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ments.media.byte_ranges import Range, count_bytes, find_missing, join_ranges, split_ranges

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


def numbers(ranges: list[Range]) -> set[int]:
    return {number for start, end in ranges for number in range(start, end)}


@given(RANGES, st.integers(0, 5))
def test_joined_they_are_the_same_bytes_and_small_gaps(ranges: list[Range], gap: int) -> None:
    joined = join_ranges(ranges, gap=gap)
    assert numbers(joined) >= numbers(ranges)
    assert gap or numbers(joined) == numbers(ranges)
    assert all(start < end for start, end in joined)
    assert all(left[1] + gap < right[0] for left, right in pairwise(joined))
    assert count_bytes(joined) == len(numbers(joined))


@given(RANGES, RANGES)
def test_what_is_missing(wanted: list[Range], held: list[Range]) -> None:
    missing = find_missing(wanted, held)
    assert numbers(missing) == numbers(wanted) - numbers(held)
    assert join_ranges(missing) == missing


@given(RANGES, st.integers(1, 9))
def test_none_is_too_long(ranges: list[Range], most: int) -> None:
    joined = join_ranges(ranges)
    split = split_ranges(joined, most)
    assert all(0 < end - start <= most for start, end in split)
    assert join_ranges(split) == joined
