"""The ranked feed as its reader is given it: the order ranked is the order served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from ments.accounts.model import Viewer
from ments.db.asked_together import ask_together
from ments.db.keyset import Place, clamp_limit
from ments.feeds import rank_kept
from ments.feeds.model import FeedSource
from ments.feeds.paging import write_page
from ments.feeds.rank_cursor import InTime, RankedPlace, TimedPlace, decode_rank_cursor, encode_rank_cursor
from ments.feeds.rank_in_time import read_blended, read_in_time
from ments.feeds.rank_inputs import queries
from ments.feeds.rank_model import NotInFeed, RankingWanted, Why
from ments.feeds.rank_why import BY_TIME, explain
from ments.feeds.trending_store import find_entry
from ments.parts import Parts
from ments.posts.fragments import Card, draw_cards, draw_seen, read_seen
from ments.posts.store import cursor_secret

log = structlog.get_logger()
_OWN_MOST = 3


async def read_for_you(parts: Parts, viewer: Viewer, *, cursor: str | None, limit: int | None) -> bytes:
    """Read one page of a member's ranked feed as JSON.

    Without a ranking, or without Valkey, the page is by time and says so (`source` chronological), and a ranking is asked for.
    At the end of a ranking the feed goes on by time, with what the ranking left over.
    Raises BadCursor.
    """
    n = clamp_limit(limit)
    if cursor is None:
        return await _read_first(parts, viewer, n)
    place = decode_rank_cursor(cursor_secret(parts), cursor)
    if isinstance(place, RankedPlace):
        order = await rank_kept.find_order(parts.valkey, viewer.id, place.ranking_id)
        if order is not None:
            return await _read_ranked(parts, viewer, order, place.after, n)
        # The ranking is gone: what the reader has not seen, from when it was made.
        place = _after_ranking(place.ranking_id)
    without = set(order.posts) if (order := await rank_kept.find_order(parts.valkey, viewer.id)) else set()
    cards, rest = await read_in_time(
        parts, viewer.id, place, n, without=without if place.which is InTime.UNSEEN else set()
    )
    return _write(parts, cards, rest, FeedSource.CHRONOLOGICAL)


async def _read_first(parts: Parts, viewer: Viewer, n: int) -> bytes:
    order = await rank_kept.find_order(parts.valkey, viewer.id)
    if order is None or not order.is_fresh:
        await ask_for_ranking(parts, viewer.id)
    if order is None:
        cards, rest = await read_blended(parts, viewer.id, n)
        return _write(parts, cards, rest, FeedSource.CHRONOLOGICAL)
    if order.posts:
        return await _read_ranked(parts, viewer, order, 0, n, is_first=True)
    # Everything that could be ranked was seen: below the reader's own of now what is older and was not, and at the last all.
    own, _ = await _draw_first(parts, viewer.id, order, n)
    start = TimedPlace(InTime.UNSEEN, Place.last())
    cards, rest = await read_in_time(parts, viewer.id, start, max(1, n - len(own)))
    if not cards:
        own, (cards, rest) = [], await read_in_time(parts, viewer.id, TimedPlace(InTime.ALL, Place.last()), n)
    elif len(own) == n:
        cards, rest = [], start
    return _write(parts, own + cards, rest, FeedSource.CHRONOLOGICAL)


async def _read_ranked(
    parts: Parts, viewer: Viewer, order: rank_kept.Order, after: int, n: int, *, is_first: bool = False
) -> bytes:
    """Lay out a page of a ranking; what is gone or hidden meanwhile is made up for from further down."""
    cards: list[Card] = []
    if is_first:
        cards, after = await _draw_first(parts, viewer.id, order, n)
    if len(cards) < n and after < len(order.posts):
        async with parts.primary.session() as session:
            while len(cards) < n and after < len(order.posts):
                batch = order.posts[after : after + n - len(cards)]
                cards += await draw_cards(parts, session, viewer.id, batch, spare_muted=True)
                after += len(batch)
    rest: RankedPlace | TimedPlace | None = RankedPlace(order.id, after)
    if after >= len(order.posts):
        left_over = _after_ranking(order.id)
        peeped, _ = await read_in_time(parts, viewer.id, left_over, 1, without=set(order.posts))
        rest = left_over if peeped else None
    return _write(parts, cards, rest, FeedSource.PIPELINE)


async def _draw_first(parts: Parts, viewer_id: UUID, order: rank_kept.Order, n: int) -> tuple[list[Card], int]:
    """What the reader just wrote, and below it the ranking's first: n cards at most, and how far into the ranking they go."""
    batch = order.posts[:n]
    said = await ask_together(
        parts.primary, queries.see_first, queries.see_first_alone, readers=viewer_id, ranked=batch, ns=min(n, _OWN_MOST)
    )
    cards = await draw_seen(parts, None, viewer_id, read_seen(said))
    # What does not fit begins the next page.
    after = batch.index(cards[n].id) if len(cards) > n else len(batch)
    return cards[:n], after


def _after_ranking(ranking_id: UUID) -> TimedPlace:
    moment = rank_kept.made_at(ranking_id) + timedelta(milliseconds=1)
    return TimedPlace(InTime.UNSEEN, Place(moment, UUID(int=0)))


def _write(parts: Parts, cards: Sequence[Card], rest: RankedPlace | TimedPlace | None, source: FeedSource) -> bytes:
    cursor = encode_rank_cursor(cursor_secret(parts), rest) if rest is not None else None
    return write_page([card.body for card in cards], cursor, source)


async def ask_for_ranking(parts: Parts, account_id: UUID) -> bool:
    """Have a ranking made by a job; False when one was asked for a moment ago, or there is nowhere to keep it."""
    if not await rank_kept.mark_asked(parts.valkey, account_id):
        return False
    try:
        async with parts.primary.transaction() as tx:
            await parts.outbox.emit(tx, RankingWanted(account_id))
    except BaseException:
        await rank_kept.forget_asked(parts.valkey, account_id)
        raise
    return True


async def read_why(parts: Parts, viewer: Viewer, post_id: UUID) -> Why:
    """Say why a member sees a post. Raises NotInFeed for one that they may not see."""
    async with parts.primary.session() as session:
        if not await draw_cards(parts, session, viewer.id, [post_id]):
            raise NotInFeed("There is no such post, or it is not visible to you.")
        entry = await find_entry(session, post_id)
    ranking = await rank_kept.find_ranking(parts.valkey, viewer.id)
    why = explain(ranking, post_id) if ranking else None
    if why is not None:
        return why
    if entry is not None:
        return Why(post_id, [f"It is number {entry.place} of what is trending: {entry.accounts} people reacted to it."])
    return Why(post_id, [BY_TIME])
