"""Everybody's feed, laid out for one member: with their own posts, without those whom they are spared.

Shared pages stay shared: what differs is put in and taken out here, for this answer alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from ments.db import Session
from ments.db.keyset import PAGE_LIMIT_MAX, Place
from ments.feeds import shared
from ments.feeds.paging import list_places, queries
from ments.feeds.rules import Laid, Slice, lay_out
from ments.parts import Parts
from ments.posts.store import hydrate_posts
from ments.relationships.store import list_unwanted

# A member who is spared almost everybody gets a shorter page, whose cursor goes on, rather than a request without end.
_STRETCHES_MAX = 20

ReadShared = Callable[[Place | None, int], Awaitable[Slice[bytes]]]
"""Read everybody's page: the newest n entries before a place."""


async def lay_page(
    parts: Parts, viewer_id: UUID, first: Slice[bytes], read_more: ReadShared, before: Place | None, n: int
) -> Slice[bytes]:
    """Lay out one page of n entries before a place, reading on while entries are taken out and there are more.

    first  everybody's page before that place
    Returns at most n entries; `last` is where the next page begins, None at the end of the feed.
    """
    entries: list[Laid[bytes]] = []
    stretch = first
    for _ in range(_STRETCHES_MAX):
        laid = await _lay_stretch(parts, viewer_id, stretch, before, n - len(entries))
        entries += laid.entries
        before = laid.last
        if before is None or len(entries) == n:
            break
        # What one member skips, another may not: long stretches need few reads, and are shared, too.
        stretch = await read_more(before, PAGE_LIMIT_MAX)
    return Slice(entries, before)


async def _lay_stretch(
    parts: Parts, viewer_id: UUID, stretch: Slice[bytes], before: Place | None, limit: int
) -> Slice[bytes]:
    # The primary: what the member just wrote, deleted or blocked is so from their next request on.
    async with parts.primary.session() as session:
        unwanted = await list_unwanted(session, viewer_id, {entry.author_id for entry in stretch.entries})
        own = await _read_own(parts, session, viewer_id, stretch, before, limit)
    return lay_out(stretch, own, viewer_id, unwanted, limit)


async def _read_own(
    parts: Parts, session: Session, viewer_id: UUID, stretch: Slice[bytes], before: Place | None, limit: int
) -> list[Laid[bytes]]:
    start, end = before or Place.last(), stretch.last or Place.first()
    places = await list_places(
        queries.list_own(
            session.connection,
            account_id=viewer_id,
            before_at=start.at,
            before_id=start.id,
            from_at=end.at,
            from_id=end.id,
            n=limit + 1,
        )
    )
    by_id = {place.id: place for place in places}
    cards = await hydrate_posts(session, list(by_id), parts.media_urls, viewer_id)
    return [Laid(by_id[card.id], viewer_id, shared.card_bytes(card)) for card in cards]
