"""Which variant of an experiment an account is in, and what the variants did. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from ments.weights import Experiment, Variant

_TWO_SIDED_95 = 1.959964
_ACCOUNTS_LEAST = 2


def choose_variant(experiment: Experiment, account_id: UUID) -> Variant:
    """The variant that an account is in: always the same, and of one experiment nothing follows for another."""
    digest = hashlib.blake2b(f"{experiment.name}\0{account_id}".encode(), digest_size=8).digest()
    at = int.from_bytes(digest) / 2**64 * sum(variant.share for variant in experiment.variants)
    for variant in experiment.variants:
        at -= variant.share
        if at < 0:
            return variant
    # Rounding left the last bit over.
    return next(variant for variant in reversed(experiment.variants) if variant.share > 0)


def choose_weights(
    base: Mapping[str, float], experiments: Sequence[Experiment], account_id: UUID
) -> tuple[dict[str, float], dict[str, str]]:
    """The weights for one account, and its variants by experiment; a later experiment has the last word."""
    weights, variants = dict(base), {}
    for experiment in experiments:
        variant = choose_variant(experiment, account_id)
        weights.update(variant.weights)
        variants[experiment.name] = variant.name
    return weights, variants


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the accounts of a variant: of x (impressions), y, their squares and products."""

    accounts: int
    x: float
    y: float
    xx: float
    yy: float
    xy: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A ratio with the interval that holds the true one 95 times in 100; the ends None while too little is known."""

    value: float
    low: float | None
    high: float | None


def estimate_ratio(sums: Sums) -> Estimate | None:
    """Estimate y per x. None without any x.

    Accounts were drawn, not impressions: those of one account are alike, so the spread is that between accounts (the
    delta method for a ratio of means).
    """
    if sums.x <= 0:
        return None
    n, value = sums.accounts, sums.y / sums.x
    if n < _ACCOUNTS_LEAST:
        return Estimate(value, None, None)
    mean_x, mean_y = sums.x / n, sums.y / n
    scale = n / (n - 1)
    var_x = max(sums.xx / n - mean_x**2, 0.0) * scale
    var_y = max(sums.yy / n - mean_y**2, 0.0) * scale
    cov = (sums.xy / n - mean_x * mean_y) * scale
    variance = (var_y - 2 * value * cov + value**2 * var_x) / (mean_x**2 * n)
    half = _TWO_SIDED_95 * math.sqrt(max(variance, 0.0))
    return Estimate(value, value - half, value + half)


def differ(one: Estimate | None, other: Estimate | None) -> bool:
    """Whether the intervals of two estimates do not meet."""
    if one is None or other is None or one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low
