"""What trending has done by the clock, and when operators say something."""

from __future__ import annotations

from datetime import UTC, datetime

from ments.feeds import trending_store
from ments.feeds.trending_overrides import TrendingOverridden
from ments.feeds.trending_read import CACHE_KEYS
from ments.jobs import JobContext, periodic, task
from ments.parts import Parts


@periodic(every_s=60, name="feeds.make_trending", timeout_s=50)
async def make_trending(parts: Parts) -> None:
    """Make the list of this minute."""
    await _make(parts)


@task(queue="default", name="make_trending_anew")
async def make_trending_anew(parts: Parts, job: JobContext, event: TrendingOverridden) -> None:
    """Make the list anew after an operator's word, rather than within the minute."""
    await _make(parts)


async def _make(parts: Parts) -> None:
    async with parts.primary.transaction() as tx:
        await trending_store.make_list(tx, datetime.now(UTC))
    await parts.pages.purge(*CACHE_KEYS)


@periodic(every_s=3600, name="feeds.sweep_trending", timeout_s=60)
async def sweep_trending(parts: Parts) -> None:
    """Let lists of long ago go."""
    async with parts.primary.transaction() as tx:
        await trending_store.sweep_runs(tx)


PERIODIC = [make_trending, sweep_trending]
