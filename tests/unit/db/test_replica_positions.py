"""How old what a replica has replayed is, by where the primary's log was when."""

from hypothesis import given
from hypothesis import strategies as st

from ments.db.replicas import Positions


@given(st.lists(st.integers(0, 50), min_size=1, max_size=59), st.integers(0, 2000))
def test_a_replica_is_as_old_as_the_last_position_that_it_has_reached(steps: list[int], replayed: int) -> None:
    positions, at = Positions(), 0
    reached: list[int] = []
    for second, step in enumerate(steps):
        at += step
        positions.note(float(second), at)
        if at <= replayed:
            reached.append(second)
    now = float(len(steps))
    assert positions.lag_s(now, replayed) == (now - reached[-1] if reached else float("inf"))


def test_nothing_is_held_against_a_replica_before_the_first_look() -> None:
    assert Positions().lag_s(5.0, 0) == 0.0
