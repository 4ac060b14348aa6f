"""Who is in which variant, and what variants did: stable, in proportion, with intervals that hold."""

import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.feeds.experiments_rules import Estimate, Sums, choose_variant, choose_weights, differ, estimate_ratio
from ments.weights import WEIGHTS, parse_experiments

FRESH, OTHER = parse_experiments("fresh: control=1 | fresher=3 freshness=0.4 ; other: a=1 | b=1 media=0.5 | none=0")
ACCOUNTS = [UUID(int=n * 7919) for n in range(4000)]


def test_accounts_fall_into_variants_by_their_shares_and_stay() -> None:
    found = [choose_variant(FRESH, account).name for account in ACCOUNTS]
    assert found == [choose_variant(FRESH, account).name for account in ACCOUNTS]
    assert found.count("fresher") / len(found) == pytest.approx(0.75, abs=0.03)
    others = [choose_variant(OTHER, account).name for account in ACCOUNTS]
    assert "none" not in others
    # Of one experiment nothing follows for another.
    both = sum(one == "fresher" and other == "a" for one, other in zip(found, others, strict=True))
    assert both / len(found) == pytest.approx(0.375, abs=0.03)


@given(st.uuids())
def test_weights_of_an_account(account: UUID) -> None:
    weights, variants = choose_weights(WEIGHTS, (FRESH, OTHER), account)
    assert set(weights) == set(WEIGHTS)
    assert weights["freshness"] == (0.4 if variants["fresh"] == "fresher" else WEIGHTS["freshness"])
    assert weights["media"] == (0.5 if variants["other"] == "b" else WEIGHTS["media"])
    assert choose_weights(WEIGHTS, (), account) == (dict(WEIGHTS), {})


def sums_of(pairs: list[tuple[int, int]]) -> Sums:
    return Sums(
        len(pairs),
        sum(x for x, _ in pairs),
        sum(y for _, y in pairs),
        sum(x * x for x, _ in pairs),
        sum(y * y for _, y in pairs),
        sum(x * y for x, y in pairs),
    )


def test_intervals_hold_the_truth_nineteen_times_in_twenty() -> None:
    drawn = random.Random(5)
    held = 0
    for _ in range(300):
        pairs = []
        for _ in range(120):
            # Some click often and some never: impressions of one account are alike.
            rate = drawn.choice([0.0, 0.1, 0.3, 0.0])
            x = drawn.randint(1, 40)
            pairs.append((x, sum(drawn.random() < rate for _ in range(x))))
        found = estimate_ratio(sums_of(pairs))
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.1 <= found.high
    assert 0.91 <= held / 300 <= 0.98


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=20))
def test_an_interval_is_around_its_value(pairs: list[tuple[int, int]]) -> None:
    found = estimate_ratio(sums_of(pairs))
    if sum(x for x, _ in pairs) == 0:
        assert found is None
        return
    assert found is not None
    assert (found.low is None) == (found.high is None) == (len(pairs) < 2)
    if found.low is not None and found.high is not None:
        assert found.low <= found.value <= found.high


def test_differences() -> None:
    assert differ(Estimate(0.1, 0.05, 0.15), Estimate(0.3, 0.2, 0.4))
    assert not differ(Estimate(0.1, 0.05, 0.25), Estimate(0.3, 0.2, 0.4))
    assert not differ(Estimate(0.1, None, None), Estimate(0.3, 0.2, 0.4))
    assert not differ(None, Estimate(0.3, 0.2, 0.4))
