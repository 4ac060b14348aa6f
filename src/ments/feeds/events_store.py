"""Events written down, and what follows from them: interests of their account, exposures of experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from ments.db import Primary, Transaction, load_queries
from ments.feeds.events import EventKind, FeedEvent
from ments.feeds.events_rules import A_DAY_MOST
from ments.feeds.model import FeedSource
from ments.feeds.rank_interests import HALF_LIFE_S, KEPT_MOST, Act, Acted, Signal, find_signals
from ments.feeds.rank_model import Form

queries: Any = load_queries(__file__, "events.sql")

KEPT_S = 30 * 24 * 3600
"""Events that are older are swept; a post that was seen before may then be ranked again."""

_SWEPT_AT_ONCE = 5_000
_SWEEPS_A_RUN = 100
_REACTIONS_MOST = 100
# What is younger may be of a transaction that is not committed, and would be passed over for good.
_SETTLED_AFTER = timedelta(seconds=5)
_FIRST_LOOK_BACK = timedelta(days=60)
# A like that a page tells is a row of `likes` as well, from which the interest comes.
_ACTS = {EventKind.IMPRESSION: Act.IMPRESSION, EventKind.CLICK: Act.CLICK, EventKind.SHARE: Act.SHARE}


async def write_events(
    tx: Transaction, account_id: UUID, events: Sequence[FeedEvent], variants: Mapping[str, str]
) -> int:
    """Write what is new of an account's events, within its bound a day; returns how many that were.

    variants  the account's, of the experiments that run: what was seen in ranked feeds counts for them
    Of posts that the account may not see nothing is written, and nobody is told.
    """
    so_far = await queries.count_events(tx.connection, account_id=account_id, n=len(events))
    within = events[: max(0, len(events) - max(0, so_far - A_DAY_MOST))]
    if not within:
        return 0
    rows = [
        row
        async for row in queries.insert_events(
            tx.connection, account_id=account_id, events=msgspec.json.encode(within).decode()
        )
    ]
    acts = [
        _acted(_ACTS[kind], row, dwell_s=(row["dwell_ms"] or 0) / 1000)
        for row in rows
        if (kind := EventKind(row["kind"])) in _ACTS
    ]
    await add_interests(tx, account_id, find_signals(acts))
    ranked = [row for row in rows if row["source"] == FeedSource.PIPELINE]
    if ranked and variants:
        await queries.add_exposures(
            tx.connection,
            account_id=account_id,
            variants=msgspec.json.encode(variants).decode(),
            impressions=_count_first(ranked, EventKind.IMPRESSION),
            clicks=_count_first(ranked, EventKind.CLICK),
            likes=_count_first(ranked, EventKind.LIKE),
            shares=_count_first(ranked, EventKind.SHARE),
            dwell_ms=sum(row["dwell_ms"] or 0 for row in ranked),
        )
    return len(rows)


def _count_first(rows: Sequence[Mapping[str, Any]], kind: EventKind) -> int:
    return sum(row["is_first"] for row in rows if row["kind"] == kind)


async def add_interests(tx: Transaction, account_id: UUID, signals: Sequence[Signal]) -> None:
    """Add to what an account is drawn to. Its row of `feed_readers` is held by the transaction."""
    if not signals:
        return
    await queries.add_interests(
        tx.connection,
        account_id=account_id,
        signals=msgspec.json.encode(signals).decode(),
        half_life_s=HALF_LIFE_S,
    )
    await queries.forget_weakest(tx.connection, account_id=account_id, most=KEPT_MOST, half_life_s=HALF_LIFE_S)


async def fold_reactions(tx: Transaction, account_id: UUID, now: datetime) -> int:
    """Add what an account did since the last time to its interests; returns how many reactions that were."""
    since = await queries.start_folding(tx.connection, account_id=account_id)
    until = now - _SETTLED_AFTER
    since = since or now - _FIRST_LOOK_BACK
    if since >= until:
        return 0
    rows = [
        row
        async for row in queries.list_reactions(
            tx.connection, account_id=account_id, since=since, until=until, n=_REACTIONS_MOST
        )
    ]
    await add_interests(tx, account_id, find_signals(_acted(Act(row["act"]), row) for row in rows))
    await queries.end_folding(tx.connection, account_id=account_id, until=until)
    return len(rows)


def _acted(act: Act, row: Mapping[str, Any], *, dwell_s: float = 0.0) -> Acted:
    return Acted(
        act=act,
        author_id=row["author_id"],
        form=Form(row["form"]),
        environment_id=row["environment_id"],
        hashtags=tuple(row["hashtags"]),
        dwell_s=dwell_s,
    )


async def sweep_events(primary: Primary) -> int:
    """Delete events that are older than KEPT_S, a batch a transaction; returns how many."""
    swept = 0
    for _ in range(_SWEEPS_A_RUN):
        async with primary.transaction() as tx:
            n = await queries.sweep_events(tx.connection, kept_s=KEPT_S, n=_SWEPT_AT_ONCE)
        swept += n
        if n < _SWEPT_AT_ONCE:
            break
    return swept
