"""Reading feeds: visitors' pages from the cache, members' drawn for them alone."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import msgspec

from ments.accounts.model import Viewer
from ments.db.asked_together import ask_together
from ments.db.keyset import Place, clamp_limit, decode_cursor, encode_cursor
from ments.feeds import shared
from ments.feeds.model import FeedKind, FeedPage, FeedSource, Landing, Tile
from ments.feeds.paging import draw_page_json, list_places, queries, write_page
from ments.feeds.rank_read import read_for_you
from ments.feeds.timeline_rules import from_score
from ments.feeds.timelines import list_home, see_home
from ments.parts import Parts
from ments.posts.card_bytes import Seen
from ments.posts.fragments import draw_seen
from ments.posts.store import cursor_secret
from ments.relationships.store import list_unwanted

# Another name when the shape changes: a process of before may still write the old one.
_LANDING_KEY = "landing:2"
_LANDING_FRESH_S = 10.0
_TILES = 12
_TILES_FROM_NEWEST = 200
# What see_latest says: what the page's cards are for the reader, and the place of the last one when there are more.
_latest = msgspec.json.Decoder(tuple[list[Seen], tuple[int, UUID] | None])


async def read_feed(
    parts: Parts, viewer: Viewer | None, kind: FeedKind, *, cursor: str | None = None, limit: int | None = None
) -> FeedPage:
    """Read one page of a feed, for templates; the same page as `read_feed_json`."""
    page, _ = await read_feed_json(parts, viewer, kind, cursor=cursor, limit=limit)
    return msgspec.json.decode(page, type=FeedPage)


async def read_feed_json(
    parts: Parts, viewer: Viewer | None, kind: FeedKind, *, cursor: str | None = None, limit: int | None = None
) -> tuple[bytes, bool]:
    """Read one page of a feed as ready bytes, and whether the shared part came from the cache.

    kind  `for_you` is ranked for members (`rank_read`) and in the order of `latest` for visitors; `following` is for members
    cursor  of an earlier page of this kind; limit  1..50, 20 when None
    Raises BadCursor.
    """
    if viewer is None:
        page, was_cached = await _read_shared(parts, kind, _place_of(parts, kind, cursor), clamp_limit(limit))
        return (shared.say_cached(page) if was_cached else page), was_cached
    if kind is FeedKind.FOR_YOU:
        return await read_for_you(parts, viewer, cursor=cursor, limit=limit), False
    read = _read_following if kind is FeedKind.FOLLOWING else _read_latest
    return await read(parts, viewer, kind, _place_of(parts, kind, cursor), clamp_limit(limit)), False


def _place_of(parts: Parts, kind: FeedKind, cursor: str | None) -> Place | None:
    return decode_cursor(cursor_secret(parts), f"feed:{kind}", cursor) if cursor else None


async def _read_following(parts: Parts, viewer: Viewer, kind: FeedKind, before: Place | None, n: int) -> bytes:
    start = before or Place.last()
    found = await see_home(parts, viewer.id, start, n)
    if found is None:
        places, _ = await list_home(parts, viewer.id, start, n + 1)
        async with parts.primary.session() as session:
            return await draw_page_json(parts, session, viewer.id, f"feed:{kind}", places, n)
    return await _write_seen(parts, viewer, kind, *found)


async def _read_latest(parts: Parts, viewer: Viewer, kind: FeedKind, before: Place | None, n: int) -> bytes:
    start = before or Place.last()
    # The primary: what the member just wrote, deleted, liked or blocked is so from their next request on.
    said = await ask_together(
        parts.primary,
        queries.see_latest,
        queries.see_latest_alone,
        readers=viewer.id,
        before_ats=start.at,
        before_ids=start.id,
        ns=n,
    )
    seen, last = _latest.decode(said)
    return await _write_seen(parts, viewer, kind, seen, last and Place(from_score(last[0]), last[1]))


async def _write_seen(parts: Parts, viewer: Viewer, kind: FeedKind, seen: list[Seen], last: Place | None) -> bytes:
    """Write a page of which Postgres said what it is for this reader; `last`: the place of its end, when there is more."""
    cards = await draw_seen(parts, None, viewer.id, seen)
    cursor = encode_cursor(cursor_secret(parts), f"feed:{kind}", last) if last else None
    return write_page([card.body for card in cards], cursor, FeedSource.CHRONOLOGICAL)


async def _read_shared(parts: Parts, kind: FeedKind, before: Place | None, n: int) -> tuple[bytes, bool]:
    """Every visitor's page, and whether it was made before."""
    made_now = False

    async def build() -> bytes:
        nonlocal made_now
        made_now = True
        start = before or Place.last()
        async with parts.replica.session() as session:
            rows = queries.list_latest(session.connection, before_at=start.at, before_id=start.id, n=n + 1)
            return await draw_page_json(parts, session, None, f"feed:{kind}", await list_places(rows), n)

    # Only first pages are purged by events, so only they may be bridged with an older copy.
    stale_s = 0.0 if before else shared.STALE_S
    page = await parts.pages.get_or_build(shared.page_key(kind, n, before), shared.FRESH_S, stale_s, build)
    return page, not made_now


async def read_landing(parts: Parts, viewer: Viewer | None = None) -> Landing:
    """What the landing page shows of the place, up to a minute old; a member gets it without those whom they are spared."""
    landing = await _read_landing(parts)
    if viewer is None:
        return landing
    async with parts.primary.session() as session:
        unwanted = await list_unwanted(session, viewer.id, {tile.author_id for tile in landing.tiles})
    return replace(landing, tiles=[tile for tile in landing.tiles if tile.author_id not in unwanted])


async def _read_landing(parts: Parts) -> Landing:
    async def build() -> bytes:
        async with parts.replica.session() as session:
            counts = await queries.count_members_and_rooms(session.connection)
            rows = queries.list_tiles(session.connection, newest=_TILES_FROM_NEWEST, n=_TILES)
            tiles = [
                Tile(
                    post_id=row["post_id"],
                    author_id=row["author_id"],
                    url=parts.media_urls.public(row["media_id"], row["generation"], row["poster_file"]),
                    width=row["width"],
                    height=row["height"],
                    blurhash=row["blurhash"],
                    alt_text=row["alt_text"],
                    duration_s=row["duration_s"],
                    content=row["content"],
                    author=row["author"],
                )
                async for row in rows
            ]
        return msgspec.json.encode(Landing(**counts, tiles=tiles))

    page = await parts.pages.get_or_build(_LANDING_KEY, _LANDING_FRESH_S, shared.STALE_S, build)
    return msgspec.json.decode(page, type=Landing)
