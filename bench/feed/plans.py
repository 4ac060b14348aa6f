"""What the queries of feeds read at 1,000,000 posts: the test of plans, with more posts than the suite has time for."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from bench.record import Figure

_POSTS = 1_000_000
_TEST = "tests/integration/feeds/test_feed_plans.py"
_LIMIT_S = 900


def measure_plans() -> dict[str, Figure]:
    """How many statements read more than their page, or scan a table. Its own output says which."""
    started = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", _TEST],
        env=os.environ | {"MENTS_PLAN_POSTS": str(_POSTS)},
        timeout=_LIMIT_S,
    )
    # 1: some tests failed; anything else is no figure.
    if ran.returncode not in (0, 1):
        raise SystemExit(f"The test of plans ended with {ran.returncode}.")
    how = f"{_TEST} at {_POSTS:,} posts, {_POSTS // 5:,} accounts, {_POSTS * 3:,} follows, {time.monotonic() - started:.0f} s"
    return {"feed/plans_unbounded": Figure(ran.returncode, "1: some statement reads more than its page", how, "0")}
