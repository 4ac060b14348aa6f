"""Whether more posts make the feed slower: the same requests to a small place and a large one, both running, in turns."""

from __future__ import annotations

import os
import statistics

from bench.feed.arriving import run_k6
from bench.feed.stage import SMALL, Size, Stage, open_stage
from bench.record import Figure

_LARGE_POSTS, _ASKED_POSTS = 2_000_000, 10_000_000
_ROUNDS, _RATE, _DURATION = 3, "500", "15s"
# Of what is measured here, more is read from Postgres than in the other rows: nobody is signed in to an answer of a second ago.
_SIGNED_IN = "0.7"


def large_size() -> Size:
    """MENTS_BENCH_POSTS posts, with a tenth as many accounts and three times as many follows, as the figure asked for has them."""
    posts = int(os.environ.get("MENTS_BENCH_POSTS", _LARGE_POSTS))
    return Size(accounts=posts // 10, posts=posts, follows=posts * 3)


def measure_size() -> dict[str, Figure]:
    """p95 and p50 of the large place over those of the small one, and how long making the large one took."""
    with open_stage(SMALL) as small, open_stage(large_size()) as large:
        took: dict[str, list[dict[str, float]]] = {"small": [], "large": []}
        for stage in (small, large):
            _ask(stage)
        for _ in range(_ROUNDS):
            for name, stage in (("small", small), ("large", large)):
                took[name].append(_ask(stage))
        how = (
            f"k6, {_RATE}/s for {_DURATION} x {_ROUNDS} in turns, median, two stacks side by side, seven tenths members' home feeds;"
            f" {large.size} over {small.size}; load {os.getloadavg()[0]:.0f}"
        )
    bar_s = "480 s" if large.size.posts == _ASKED_POSTS else ""
    figures = {
        "feed/size_seed": Figure(
            round(large.seeded_s),
            "s",
            f"ments seed: {large.size}, {2 * large.size.posts:,} likes, into a new place",
            bar_s,
        )
    }
    for quantile, bar in (("p95", "1.3x"), ("p50", "")):
        values = {name: statistics.median(one[f"{quantile}_ms"] for one in rounds) for name, rounds in took.items()}
        figures[f"feed/size_{quantile}"] = Figure(
            round(values["large"], 2),
            "ms",
            how,
            bar,
            f"{values['small']:.2f} ms at {SMALL.posts:,} posts",
            round(values["large"] / values["small"], 2),
        )
    return figures


def _ask(stage: Stage) -> dict[str, float]:
    return run_k6(stage, _RATE, _DURATION, SIGNED_IN=_SIGNED_IN)
