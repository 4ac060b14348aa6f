"""A page from places that a query found: the cards, and where the next page begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from ments.db import Session, load_queries
from ments.db.keyset import Place, encode_cursor
from ments.feeds.model import FeedPage, FeedSource
from ments.parts import Parts
from ments.posts.fragments import draw_cards
from ments.posts.store import cursor_secret, hydrate_posts

queries: Any = load_queries(__file__)

ENDS = {source: b'"source":"%b"}' % source.value.encode() for source in FeedSource}


async def list_places(rows: Any) -> list[Place]:
    """Read the places that a query of this room yields."""
    return [Place(row["sorted_at"], row["id"]) async for row in rows]


async def draw_page(
    parts: Parts, session: Session, viewer_id: UUID | None, kind: str, places: list[Place], n: int
) -> FeedPage:
    """Draw the first n of `places`; one more than that says that there is a next page."""
    posts = await hydrate_posts(session, [place.id for place in places[:n]], parts.media_urls, viewer_id)
    has_more = len(places) > n
    cursor = encode_cursor(cursor_secret(parts), kind, places[n - 1]) if has_more else None
    return FeedPage(posts=posts, cursor=cursor, has_more=has_more, source=FeedSource.CHRONOLOGICAL)


async def draw_page_json(
    parts: Parts, session: Session, viewer_id: UUID | None, kind: str, places: list[Place], n: int
) -> bytes:
    """The same as the API's answer, without those that a member muted; `session` is the primary's for a member."""
    cards = await draw_cards(parts, session, viewer_id, [place.id for place in places[:n]], spare_muted=True)
    cursor = encode_cursor(cursor_secret(parts), kind, places[n - 1]) if len(places) > n else None
    return write_page([card.body for card in cards], cursor, FeedSource.CHRONOLOGICAL)


def write_page(bodies: Iterable[bytes], cursor: str | None, source: FeedSource) -> bytes:
    """Write a page as the API's answer from cards that are bytes already (`posts.fragments`), the same as a FeedPage's."""
    has_more = b"true" if cursor else b"false"
    return b'{"posts":[%b],"cursor":%b,"has_more":%b,%b' % (
        b",".join(bodies), msgspec.json.encode(cursor), has_more, ENDS[source],
    )  # fmt: skip
