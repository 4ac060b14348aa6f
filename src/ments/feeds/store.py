"""Reading feeds: ids by an index, cards in one statement, the shared page from the cache."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from ments.accounts.model import Viewer
from ments.accounts.store import find_account_named
from ments.db import Session, load_queries
from ments.db.keyset import Place, clamp_limit, decode_cursor, encode_cursor
from ments.errors import NotFound
from ments.feeds import shared
from ments.feeds.model import FeedKind, FeedPage, FeedSource, Landing, Tile
from ments.feeds.rules import Laid, Slice, lay_own_over
from ments.parts import Parts
from ments.posts.store import cursor_secret, hydrate_posts, session_for

queries: Any = load_queries(__file__)

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

    kind  `for_you` is in the order of `latest` until there is a ranking
    cursor  of an earlier page of this kind; limit  1..50, 20 when None
    Raises BadCursor.
    """
    n, secret = clamp_limit(limit), cursor_secret(parts)
    before = decode_cursor(secret, f"feed:{kind}", cursor) if cursor else None
    made_now = False

    async def build() -> bytes:
        nonlocal made_now
        made_now = True
        return shared.encode_page(await _build_latest(parts, kind, before, n))

    # Only first pages are purged by events, so only they may be bridged with an older copy.
    stale_s = 0.0 if before else shared.STALE_S
    page = await parts.pages.get_or_build(shared.page_key(kind, n, before), shared.FRESH_S, stale_s, build)
    if viewer is not None:
        return await _with_own(parts, viewer, kind, page, before, n, made_now=made_now), not made_now
    return (page if made_now else shared.say_cached(page)), not made_now


async def _build_latest(parts: Parts, kind: FeedKind, before: Place | None, n: int) -> FeedPage:
    start = before or Place.last()
    async with parts.replica.session() as session:
        places = await _places(queries.list_latest(session.connection, before_at=start.at, before_id=start.id, n=n + 1))
        return await _draw_page(parts, session, None, f"feed:{kind}", places, n)


async def _with_own(
    parts: Parts, viewer: Viewer, kind: FeedKind, page: bytes, before: Place | None, n: int, *, made_now: bool
) -> bytes:
    """Lay the member's own posts, read from the primary, over the shared page's stretch of the feed."""
    entries, cursor = shared.take_apart(page)
    secret = cursor_secret(parts)
    stretch = Slice(entries, decode_cursor(secret, f"feed:{kind}", cursor) if cursor else None)
    start, end = before or Place.last(), stretch.last or Place.first()
    async with parts.primary.session() as session:
        places = await _places(
            queries.list_own(
                session.connection,
                account_id=viewer.id,
                before_at=start.at,
                before_id=start.id,
                from_at=end.at,
                from_id=end.id,
                n=n + 1,
            )
        )
        by_id = {place.id: place for place in places}
        cards = await hydrate_posts(session, list(by_id), parts.media_urls, viewer.id)
    own = [Laid(by_id[card.id], viewer.id, shared.card_bytes(card)) for card in cards]
    laid = lay_own_over(stretch, own, viewer.id, n)
    return shared.put_together(
        [entry.card for entry in laid.entries],
        encode_cursor(secret, f"feed:{kind}", laid.last) if laid.last else None,
        FeedSource.CHRONOLOGICAL if made_now else FeedSource.CACHE,
    )


async def read_profile_posts(
    parts: Parts, viewer: Viewer | None, username: str, *, cursor: str | None = None, limit: int | None = None
) -> FeedPage:
    """Read one page of an account's top-level posts, newest first; the account itself sees those that wait, too.

    Raises NotFound for a name that nobody has, BadCursor.
    """
    n, secret = clamp_limit(limit), cursor_secret(parts)
    async with session_for(parts, viewer) as session:
        account = await find_account_named(session, username)
        if account is None:
            raise NotFound("There is no account with this name.", code="account_not_found")
        kind = f"profile:{account.id}"
        before = decode_cursor(secret, kind, cursor) if cursor else Place.last()
        viewer_id = viewer.id if viewer else None
        places = await _places(
            queries.list_profile(
                session.connection,
                account_id=account.id,
                everything=viewer_id == account.id,
                before_at=before.at,
                before_id=before.id,
                n=n + 1,
            )
        )
        return await _draw_page(parts, session, viewer_id, kind, places, n)


async def read_environment_posts(
    parts: Parts, viewer: Viewer | None, environment_id: UUID, *, cursor: str | None = None, limit: int | None = None
) -> FeedPage:
    """Read one page of an environment's public posts, newest first. Raises BadCursor."""
    n, secret = clamp_limit(limit), cursor_secret(parts)
    kind = f"environment:{environment_id}"
    before = decode_cursor(secret, kind, cursor) if cursor else Place.last()
    async with session_for(parts, viewer) as session:
        places = await _places(
            queries.list_environment(
                session.connection, environment_id=environment_id, before_at=before.at, before_id=before.id, n=n + 1
            )
        )
        return await _draw_page(parts, session, viewer.id if viewer else None, kind, places, n)


async def _places(rows: Any) -> list[Place]:
    return [Place(row["sorted_at"], row["id"]) async for row in rows]


async def _draw_page(
    parts: Parts, session: Session, viewer_id: UUID | None, kind: str, places: list[Place], n: int
) -> FeedPage:
    """Draw the first n of `places`; one more than that says that there is a next page."""
    posts = await hydrate_posts(session, [place.id for place in places[:n]], parts.media_urls, viewer_id)
    has_more = len(places) > n
    cursor = encode_cursor(cursor_secret(parts), kind, places[n - 1]) if has_more else None
    return FeedPage(posts=posts, cursor=cursor, has_more=has_more, source=FeedSource.CHRONOLOGICAL)


async def read_landing(parts: Parts) -> Landing:
    """What the landing page shows of the place; up to a minute old, the same for everybody."""

    async def build() -> bytes:
        async with parts.replica.session() as session:
            counts = await queries.count_members_and_rooms(session.connection)
            rows = queries.list_tiles(session.connection, newest=_TILES_FROM_NEWEST, n=_TILES)
            tiles = [
                Tile(
                    post_id=row["post_id"],
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

    page = await parts.pages.get_or_build("landing", _LANDING_FRESH_S, shared.STALE_S, build)
    return msgspec.json.decode(page, type=Landing)
