"""Reading feeds: everybody's page from the cache, laid out for who is signed in."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from ments.accounts.model import Viewer
from ments.db.keyset import Place, clamp_limit, decode_cursor, encode_cursor
from ments.feeds import shared
from ments.feeds.laid import lay_page
from ments.feeds.lists import read_following
from ments.feeds.model import FeedKind, FeedPage, FeedSource, Landing, Tile
from ments.feeds.paging import draw_page, list_places, queries
from ments.feeds.rules import Slice
from ments.parts import Parts
from ments.posts.reactions_store import read_overlays
from ments.posts.store import cursor_secret
from ments.relationships.store import list_unwanted

# Another name when the shape changes: a process of before may still write the old one.
_LANDING_KEY = "landing:2"
_LANDING_FRESH_S = 10.0
_TILES = 12
_TILES_FROM_NEWEST = 200


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

    kind  `for_you` is in the order of `latest` until there is a ranking; `following` is for members
    cursor  of an earlier page of this kind; limit  1..50, 20 when None
    Raises BadCursor.
    """
    if kind is FeedKind.FOLLOWING and viewer is not None:
        return shared.encode_page(await read_following(parts, viewer, cursor=cursor, limit=limit)), False
    n, secret = clamp_limit(limit), cursor_secret(parts)
    before = decode_cursor(secret, f"feed:{kind}", cursor) if cursor else None
    page, was_cached = await _read_shared(parts, kind, before, n)
    if viewer is None:
        return (shared.say_cached(page) if was_cached else page), was_cached

    async def read_more(place: Place | None, most: int) -> Slice[bytes]:
        return _slice(parts, kind, (await _read_shared(parts, kind, place, most))[0])

    laid = await lay_page(parts, viewer.id, _slice(parts, kind, page), read_more, before, n)
    # The primary: what the member did just now is done in the very next answer.
    async with parts.primary.session() as session:
        overlays = await read_overlays(session, viewer.id, shared.list_for_all(laid.entries))
    page = shared.put_together(
        laid.entries,
        overlays,
        encode_cursor(secret, f"feed:{kind}", laid.last) if laid.last else None,
        FeedSource.CACHE if was_cached else FeedSource.CHRONOLOGICAL,
    )
    return page, was_cached


async def _read_shared(parts: Parts, kind: FeedKind, before: Place | None, n: int) -> tuple[bytes, bool]:
    """Everybody's page, and whether it was made before."""
    made_now = False

    async def build() -> bytes:
        nonlocal made_now
        made_now = True
        return shared.encode_page(await _build_latest(parts, kind, before, n))

    # Only first pages are purged by events, so only they may be bridged with an older copy.
    stale_s = 0.0 if before else shared.STALE_S
    page = await parts.pages.get_or_build(shared.page_key(kind, n, before), shared.FRESH_S, stale_s, build)
    return page, not made_now


async def _build_latest(parts: Parts, kind: FeedKind, before: Place | None, n: int) -> FeedPage:
    start = before or Place.last()
    async with parts.replica.session() as session:
        places = await list_places(
            queries.list_latest(session.connection, before_at=start.at, before_id=start.id, n=n + 1)
        )
        return await draw_page(parts, session, None, f"feed:{kind}", places, n)


def _slice(parts: Parts, kind: FeedKind, page: bytes) -> Slice[bytes]:
    entries, cursor = shared.take_apart(page)
    return Slice(entries, decode_cursor(cursor_secret(parts), f"feed:{kind}", cursor) if cursor else None)


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
