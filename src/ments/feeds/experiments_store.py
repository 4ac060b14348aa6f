"""What came of experiments, read for operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from ments.db import load_queries
from ments.feeds.experiments_rules import Estimate, Sums, differ, estimate_ratio
from ments.parts import Parts
from ments.weights import Experiment

queries: Any = load_queries(__file__, "experiments.sql")

_FRESH_S = 60.0
# The ratios, each with the names of its sum, its squares and its products with impressions.
_RATIOS = {
    "clicks": ("clicks", "cc", "ci"),
    "likes": ("likes", "ll", "li"),
    "shares": ("shares", "ss", "si"),
    "dwell_s": ("dwell", "dd", "di"),
}


@dataclass(frozen=True, slots=True)
class VariantResult:
    """What a variant did. Ratios are per impression, with the interval that holds the true one 95 times in 100.

    exposures  posts that were seen, each once by each account
    differs    the ratios whose interval does not meet the first variant's
    """

    name: str
    share: float
    weights: dict[str, float]
    accounts: int
    exposures: int
    since: datetime | None
    clicks: Estimate | None
    likes: Estimate | None
    shares: Estimate | None
    dwell_s: Estimate | None
    differs: list[str]


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """What the variants of an experiment did; the first is what the others are compared with."""

    name: str
    variants: list[VariantResult]


@dataclass(frozen=True, slots=True)
class ExperimentResults:
    """All experiments that run."""

    experiments: list[ExperimentResult]


async def read_results(parts: Parts) -> ExperimentResults:
    """Read the results of the experiments that run, up to a minute old."""

    async def build() -> bytes:
        running = parts.settings.feed_experiments
        return msgspec.json.encode(ExperimentResults([await _read_one(parts, one) for one in running]))

    found = await parts.pages.get_or_build("experiments", _FRESH_S, 0.0, build)
    return msgspec.json.decode(found, type=ExperimentResults)


async def _read_one(parts: Parts, experiment: Experiment) -> ExperimentResult:
    async with parts.replica.session() as session:
        rows = {row["variant"]: row async for row in queries.list_sums(session.connection, experiment=experiment.name)}
    shares = sum(variant.share for variant in experiment.variants)
    results: list[VariantResult] = []
    for variant in experiment.variants:
        row = rows.get(variant.name)
        ratios = {name: _estimate(row, name) if row else None for name in _RATIOS}
        first = results[0] if results else None
        results.append(
            VariantResult(
                name=variant.name,
                share=variant.share / shares,
                weights=dict(variant.weights),
                accounts=row["accounts"] if row else 0,
                exposures=int(row["impressions"]) if row else 0,
                since=row["first_at"] if row else None,
                differs=[name for name in _RATIOS if first and differ(getattr(first, name), ratios[name])],
                **ratios,
            )
        )
    return ExperimentResult(experiment.name, results)


def _estimate(row: Mapping[str, Any], name: str) -> Estimate | None:
    y, yy, xy = _RATIOS[name]
    return estimate_ratio(Sums(row["accounts"], row["impressions"], row[y], row["ii"], row[yy], row[xy]))
