"""When to come back, as those are told who were put off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ments.jobs.backlog import plan_retry_after


@given(st.integers(1, 100_000), st.integers(0, 10_000), st.floats(0.001, 300))
def test_within_bounds_and_longer_the_more_there_is(over: int, ended: int, seen_s: float) -> None:
    again_s = plan_retry_after(over, ended=ended, seen_s=seen_s)
    assert 5 <= again_s <= 600
    assert again_s <= plan_retry_after(over + 10, ended=ended, seen_s=seen_s)


def test_follows_the_pace_of_late() -> None:
    assert plan_retry_after(10, ended=30, seen_s=300) == 100
    assert plan_retry_after(1, ended=3000, seen_s=300) == 5
    assert plan_retry_after(500, ended=30, seen_s=300) == 600


def test_says_a_minute_when_a_rush_has_just_begun_and_ten_when_nobody_works() -> None:
    assert plan_retry_after(100, ended=0, seen_s=10) == 60
    assert plan_retry_after(100, ended=0, seen_s=300) == 600
