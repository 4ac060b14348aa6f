"""The ranked feed where there is no ranking, or no more of it: by time, for one reader, from Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec

from ments.db import Session, write_array
from ments.db.asked_together import ask_together
from ments.db.keyset import PAGE_LIMIT_MAX, Place
from ments.feeds.paging import list_places
from ments.feeds.rank_cursor import InTime, TimedPlace
from ments.feeds.rank_inputs import queries
from ments.feeds.timeline_rules import from_score
from ments.feeds.trending_store import read_list
from ments.parts import Parts
from ments.posts.card_bytes import Seen
from ments.posts.fragments import Card, draw_cards, draw_seen

# A reader who has seen, or is spared, almost everything gets a shorter page, whose cursor goes on.
_STRETCHES_MAX = 20
_BLENDED_MOST = 20
# Without Valkey every page of the ranked feed is read here: so many at once a process, the rest wait their turn.
_AT_ONCE = 6
# What see_blended says.
_blended = msgspec.json.Decoder(tuple[int, int, list[Seen], tuple[int, UUID] | None])
_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def read_in_time(
    parts: Parts, viewer_id: UUID, start: TimedPlace, n: int, *, without: Collection[UUID] = ()
) -> tuple[list[Card], TimedPlace | None]:
    """Read a page of n cards by time, and where the next one begins, None at the end.

    without  posts that are left out: those of a ranking
    """
    turn = _TURNS.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE))
    async with turn, parts.primary.session() as session:
        trending = await _read_trending(session, start) if start.which is InTime.BLENDED else {}
        cards: list[Card] = []
        place = start
        for stretch in range(_STRETCHES_MAX):
            want = n - len(cards) if stretch == 0 else PAGE_LIMIT_MAX
            places = await _list_places(session, viewer_id, place, trending, want + 1)
            wanted = [found.id for found in places[:want] if found.id not in without]
            if place.which is InTime.UNSEEN and wanted:
                seen = await _list_seen(session, viewer_id, wanted)
                wanted = [post_id for post_id in wanted if post_id not in seen]
            drawn = await draw_cards(parts, session, viewer_id, wanted, spare_muted=True)
            if place.which is InTime.UNSEEN:
                # A ranking leaves nothing of the reader's own over: it never has them.
                drawn = [card for card in drawn if card.author_id != viewer_id]
            room = n - len(cards)
            cards += drawn[:room]
            if len(drawn) > room:
                last_id = cards[-1].id
                last = next(found for found in places if found.id == last_id)
                return cards, replace(place, before=last)
            if len(places) <= want:
                return cards, None
            place = replace(place, before=places[want - 1])
            if len(cards) == n:
                break
        return cards, place


async def read_blended(parts: Parts, viewer_id: UUID, n: int) -> tuple[list[Card], TimedPlace | None]:
    """Read a first page that is blended with what is trending now: in one statement, unless the reader is spared some of it."""
    said = await ask_together(
        parts.primary, queries.see_blended, queries.see_blended_alone, readers=viewer_id, mosts=_BLENDED_MOST, ns=n
    )
    run_id, count, seen, last = _blended.decode(said)
    cards = await draw_seen(parts, None, viewer_id, seen)
    if last is None or count <= n:
        return cards, None
    place = TimedPlace(InTime.BLENDED, Place(from_score(last[0]), last[1]), run_id)
    if len(cards) == n:
        return cards, place
    more, rest = await read_in_time(parts, viewer_id, place, n - len(cards))
    return cards + more, rest


async def _read_trending(session: Session, start: TimedPlace) -> dict[UUID, Place]:
    """The places of what is trending: when it came onto the list, by the list that the first page was blended with."""
    found = await read_list(session, start.run_id, n=_BLENDED_MOST)
    return {entry.post_id: Place(entry.since, entry.post_id) for entry in found.entries}


async def _list_places(
    session: Session, viewer_id: UUID, start: TimedPlace, trending: dict[UUID, Place], n: int
) -> list[Place]:
    """The next n places: of everybody's posts and the reader's own, with those that trend in their second place."""
    before = start.before
    # A trending post stands at its own place too, which is passed over: so many more are read.
    rows = queries.list_in_time(
        session.connection, account_id=viewer_id, before_at=before.at, before_id=before.id, n=n + len(trending)
    )
    places = [place for place in await list_places(rows) if place.id not in trending]
    places += [place for place in trending.values() if place < before]
    return sorted(places, reverse=True)[:n]


async def _list_seen(session: Session, viewer_id: UUID, ids: list[UUID]) -> set[UUID]:
    rows = queries.list_seen(session.connection, account_id=viewer_id, ids=write_array(ids))
    return {row["id"] async for row in rows}
