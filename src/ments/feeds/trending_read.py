"""What is trending, as readers are given it: everybody's page from the cache, a member's drawn for them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from ments.accounts.model import Viewer
from ments.accounts.store import session_for
from ments.db import Session
from ments.db.keyset import clamp_limit, open_body, seal_body
from ments.feeds.trending_rules import ENTRIES_MOST, Entry
from ments.feeds.trending_store import read_list
from ments.parts import Parts
from ments.posts.fragments import draw_cards
from ments.posts.model import PostView
from ments.posts.store import cursor_secret

_KIND = "trending"
_KEY = struct.Struct(">qi")
_FRESH_S = 1.0
_STALE_S = 10.0
CACHE_KEYS = tuple(f"trending:{n}:" for n in range(1, 51))
"""Names of everybody's first pages in the cache, which operators' words change at once."""


@dataclass(frozen=True, slots=True)
class TrendingPage:
    """One page, for templates. `made_at` is None before the first list."""

    posts: list[PostView]
    cursor: str | None
    has_more: bool
    made_at: datetime | None = None


async def read_trending(parts: Parts, viewer: Viewer | None, *, cursor: str | None, limit: int | None) -> bytes:
    """Read one page of what is trending as JSON: `{posts, cursor, has_more, hasMore, made_at}`.

    Each post is a card with `engagement_score`, `pinned`, and since when it is `trending_since`. Later pages are of the list
    that the first one was of. A member is given neither what they may not see, nor whom they muted.
    Raises BadCursor.
    """
    n = clamp_limit(limit)
    run_id, after = _decode(parts, cursor) if cursor else (None, 0)

    async def build() -> bytes:
        async with session_for(parts, viewer) as session:
            return await _build(parts, session, viewer.id if viewer else None, run_id, after, n)

    if viewer is not None:
        return await build()
    return await parts.pages.get_or_build(f"trending:{n}:{cursor or ''}", _FRESH_S, _STALE_S, build)


async def read_trending_page(
    parts: Parts, viewer: Viewer | None, *, cursor: str | None = None, limit: int | None = None
) -> TrendingPage:
    """Read the same for templates."""
    return msgspec.json.decode(await read_trending(parts, viewer, cursor=cursor, limit=limit), type=TrendingPage)


async def _build(
    parts: Parts, session: Session, viewer_id: UUID | None, run_id: int | None, after: int, n: int
) -> bytes:
    found = await read_list(session, run_id, after=after, n=ENTRIES_MOST)
    bodies: list[bytes] = []
    last, rest = after, list(found.entries)
    # What is taken out for this reader is made up for from further down, until the page is full.
    while rest and len(bodies) < n:
        batch, rest = rest[: n - len(bodies)], rest[n - len(bodies) :]
        bodies += await _draw(parts, session, viewer_id, batch)
        last = batch[-1].place
    cursor = seal_body(cursor_secret(parts), _KIND, _KEY.pack(found.run_id, last)) if rest else None
    more = b"true" if cursor else b"false"
    return b'{"posts":[%b],"cursor":%b,"has_more":%b,"hasMore":%b,"made_at":%b}' % (
        b",".join(bodies), msgspec.json.encode(cursor), more, more, msgspec.json.encode(found.made_at),
    )  # fmt: skip


async def _draw(parts: Parts, session: Session, viewer_id: UUID | None, entries: Sequence[Entry]) -> list[bytes]:
    by_id = {entry.post_id: entry for entry in entries}
    cards = await draw_cards(parts, session, viewer_id, list(by_id), spare_muted=True)
    return [
        b'%b,"engagement_score":%b,"pinned":%b,"trending_since":%b}'
        % (
            card.body[:-1],
            msgspec.json.encode(round(by_id[card.id].score, 2)),
            b"true" if by_id[card.id].is_pinned else b"false",
            msgspec.json.encode(by_id[card.id].since),
        )
        for card in cards
    ]


def _decode(parts: Parts, cursor: str) -> tuple[int, int]:
    run_id, place = _KEY.unpack(open_body(cursor_secret(parts), _KIND, cursor, _KEY.size))
    return run_id, place
