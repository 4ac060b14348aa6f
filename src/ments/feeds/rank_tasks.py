"""Queue entries of ranking: what was seen is written down, and readers get a ranking of their own."""

from __future__ import annotations

from ments.feeds import events_store, rank_actions
from ments.feeds.events import FeedEventsSent
from ments.feeds.experiments_rules import choose_weights
from ments.feeds.rank_model import RankingWanted
from ments.jobs import JobContext, periodic, task
from ments.parts import Parts


@task(queue="default", name="write_feed_events", attempts=5, backoff_s=1.0)
async def write_feed_events(parts: Parts, job: JobContext, event: FeedEventsSent) -> None:
    """Write down what a page told, exactly once."""
    settings = parts.settings
    _, variants = choose_weights(settings.feed_weights, settings.feed_experiments, event.account_id)
    async with parts.primary.transaction() as tx:
        await events_store.write_events(tx, event.account_id, event.events, variants)
        await job.commit(tx)


@task(queue="default", name="rank_feed")
async def rank_feed(parts: Parts, job: JobContext, event: RankingWanted) -> None:
    """Rank a reader's feed."""
    await rank_actions.make_ranking(parts, event.account_id)


@periodic(every_s=600, name="feeds.sweep_events", timeout_s=300)
async def sweep_events(parts: Parts) -> None:
    """Delete what was told long ago."""
    await events_store.sweep_events(parts.primary)


PERIODIC = [sweep_events]
