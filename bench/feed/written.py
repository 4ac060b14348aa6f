"""What writing costs: a post's way to 100,000 followers, and one post liked by 10,000 accounts."""

from __future__ import annotations

import asyncio
import os

from bench.feed import fan_out, likes
from bench.jobs.place import open_place
from bench.record import Figure

FOLLOWERS, READERS, POSTS = 100_000, 2_000, 30
ACCOUNTS, AT_ONCE, LIMIT_S = 10_000, 20, 60.0


def measure_fan_out() -> dict[str, Figure]:
    """Pulled as it is set, and pushed to all."""
    with open_place() as place:
        return asyncio.run(fan_out.measure_all(place, FOLLOWERS, READERS, POSTS))


def measure_likes() -> dict[str, Figure]:
    """Likes a second of one post, beside a plain update of its row."""
    with open_place() as place:
        ours, plain = asyncio.run(likes.compare(place.environ["DATABASE_URL"], ACCOUNTS, AT_ONCE, LIMIT_S))
    how = f"one post liked by {ACCOUNTS:,} accounts, {AT_ONCE} at once; load {os.getloadavg()[0]:.0f}"
    return {
        "feed/likes": Figure(
            round(ours.rate),
            "1/s",
            f"{how}; {ours.likes:,} in {ours.seconds:.0f} s, counted exactly",
            "10,000 in a minute",
            f"an update of the post's row {plain.rate:,.0f}/s",
            round(ours.rate / plain.rate, 2),
        ),
        "feed/likes_p95": Figure(round(ours.p95, 1), "ms", how, "", f"an update of the post's row {plain.p95:.1f} ms"),
    }
