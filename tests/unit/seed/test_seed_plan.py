"""Made-up places: as large as asked, uneven, and the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.seed import rows
from ments.seed.plan import SeedPlan, SeedRefused


@given(st.integers(5, 300), st.integers(0, 300), st.integers(0, 400), st.integers(0, 400), st.integers(0, 9_999))
def test_a_place_is_as_large_as_asked_and_no_pair_is_there_twice(
    accounts: int, posts: int, follows: int, likes: int, seed: int
) -> None:
    follows, likes = min(follows, accounts * (accounts - 1) // 4), min(likes, accounts * posts // 4)
    plan = SeedPlan(accounts, posts, follows, likes, seed)
    pairs = plan.follow_pairs
    assert len(np.unique(pairs)) == len(pairs) == follows
    assert not (pairs // accounts == pairs % accounts).any()
    assert len(np.unique(plan.like_pairs)) == likes
    assert (np.diff(plan.like_pairs) > 0).all()
    assert not likes or 0 <= plan.like_pairs[0] <= plan.like_pairs[-1] < accounts * posts
    assert plan.count_followers().sum() == plan.count_following().sum() == follows
    assert plan.count_likes().sum() == likes
    assert len(plan.authors) == posts
    assert not len(plan.authors) or 0 <= plan.authors.min() <= plan.authors.max() < accounts


def test_the_same_numbers_give_the_same_place_and_others_another() -> None:
    one, same, other = SeedPlan(50, 60, 70, 80), SeedPlan(50, 60, 70, 80), SeedPlan(50, 60, 70, 80, seed=2)
    assert (one.follow_pairs == same.follow_pairs).all()
    assert one.place == same.place
    assert (one.follow_pairs != other.follow_pairs).any()
    assert len({one.place, other.place, SeedPlan(51, 60, 70, 80).place}) == 3


def test_some_are_known_to_many() -> None:
    known = np.sort(SeedPlan(20_000, 0, 200_000, 0).count_followers())[::-1]
    assert known[0] > 50 * known.mean()
    assert np.median(known) < known.mean()


@pytest.mark.parametrize("sizes", [(0, 1, 0, 0), (10, -1, 0, 0), (10, 1, 90, 0), (2, 1, 0, 2), (1, 1, 0, 0, 10_000)])
def test_what_does_not_fit_is_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(SeedRefused, match="goes from"):
        SeedPlan(*sizes)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**31), st.integers(1, 600))
def test_ids_differ_and_say_what_they_are(place: int, start: int, count: int) -> None:
    numbers = np.arange(start, start + count, dtype=np.int64)
    people, posts = (rows.make_uuids(kind, place, numbers) for kind in (rows.ACCOUNT, rows.POST))
    assert len({*people, *posts}) == 2 * count
    assert {id_.version for id_ in people} == {8}
    assert {id_.variant for id_ in people} == {"specified in RFC 4122"}
