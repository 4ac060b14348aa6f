"""Lists of posts that are no feed: what an account keeps, and what bears a hashtag. Keyset-paged, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from ments.accounts.model import Viewer
from ments.accounts.store import session_for
from ments.db import Session
from ments.db.keyset import Place, clamp_limit, decode_cursor, encode_cursor
from ments.parts import Parts
from ments.posts.hashtags import read_tag
from ments.posts.hashtags_store import list_tagged
from ments.posts.model import PostView
from ments.posts.reactions_store import list_bookmarks
from ments.posts.store import cursor_secret, hydrate_posts


@dataclass(frozen=True, slots=True)
class PostPage:
    """One page. `cursor` asks for the next one; None when there is none."""

    posts: list[PostView]
    cursor: str | None
    has_more: bool


async def read_bookmarks(
    parts: Parts, member: Viewer, *, cursor: str | None = None, limit: int | None = None
) -> PostPage:
    """Read one page of what an account keeps, the newest bookmark first; limit 1..50, 20 when None. Raises BadCursor."""
    n, kind = clamp_limit(limit), f"bookmarks:{member.id}"
    before = decode_cursor(cursor_secret(parts), kind, cursor) if cursor else Place.last()
    async with parts.primary.session() as session:
        places = await list_bookmarks(session, member.id, before, n + 1)
        return await _draw(parts, session, member, kind, places, n)


async def read_tagged(
    parts: Parts, viewer: Viewer | None, written: str, *, cursor: str | None = None, limit: int | None = None
) -> PostPage:
    """Read one page of the public posts with a hashtag, newest first; an unused one has none.

    written  the tag in any form, with or without its #; limit 1..50, 20 when None
    Raises TagNotFound for what no tag can be, BadCursor.
    """
    n, tag = clamp_limit(limit), read_tag(written)
    kind = f"hashtag:{tag}"
    before = decode_cursor(cursor_secret(parts), kind, cursor) if cursor else Place.last()
    async with session_for(parts, viewer) as session:
        places = await list_tagged(session, tag, viewer.id if viewer else None, before, n + 1)
        return await _draw(parts, session, viewer, kind, places, n)


async def _draw(
    parts: Parts, session: Session, viewer: Viewer | None, kind: str, places: list[Place], n: int
) -> PostPage:
    posts = await hydrate_posts(
        session, [place.id for place in places[:n]], parts.media_urls, viewer.id if viewer else None
    )
    has_more = len(places) > n
    cursor = encode_cursor(cursor_secret(parts), kind, places[n - 1]) if has_more else None
    return PostPage(posts, cursor, has_more)
