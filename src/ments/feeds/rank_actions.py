"""Making a reader's ranking: what they did goes into their interests, then candidates are read, ranked and kept."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import structlog

from ments.cache.kept import tell_changed
from ments.feeds import events_store, rank_inputs, rank_kept
from ments.feeds.experiments_rules import choose_weights
from ments.feeds.rank_model import FEATURES, Ranking
from ments.feeds.rank_rules import rank
from ments.parts import Parts

log = structlog.get_logger()


async def make_ranking(parts: Parts, account_id: UUID) -> Ranking:
    """Make and keep the ranking of one account, as of now. Raises RedisError, OSError: without Valkey there is none."""
    now = datetime.now(UTC)
    settings = parts.settings
    weights, variants = choose_weights(settings.feed_weights, settings.feed_experiments, account_id)
    async with parts.primary.transaction() as tx:
        await events_store.fold_reactions(tx, account_id, now)
    async with parts.primary.session() as session:
        interests = await rank_inputs.read_interests(session, account_id)
        candidates = await rank_inputs.read_candidates(session, account_id, interests, now)
    ranking = Ranking(
        id=rank_kept.new_ranking_id(now),
        made_at=now,
        posts=rank(candidates, interests, weights, now),
        weights=tuple(weights[name] for name in FEATURES),
        variants=variants,
    )
    await rank_kept.keep_ranking(parts.valkey, account_id, ranking)
    # Pages that a process keeps for a second are of before.
    await tell_changed(parts.heard, account_id)
    log.info("ranked", account_id=str(account_id), candidates=len(candidates), posts=len(ranking.posts))
    return ranking
