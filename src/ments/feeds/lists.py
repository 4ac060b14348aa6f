"""Lists of posts that are read for one reader: of a profile, of an environment."""

from __future__ import annotations

from uuid import UUID

from ments.accounts.model import Viewer
from ments.accounts.store import session_for
from ments.db.keyset import Place, clamp_limit, decode_cursor
from ments.feeds.model import FeedPage
from ments.feeds.paging import draw_page, list_places, queries
from ments.parts import Parts
from ments.posts.store import cursor_secret
from ments.relationships.rules import check_in_sight, no_account
from ments.relationships.store import find_account_id, find_ties


async def read_profile_posts(
    parts: Parts, viewer: Viewer | None, username: str, *, cursor: str | None = None, limit: int | None = None
) -> FeedPage:
    """Read one page of an account's top-level posts, newest first; the account itself sees all, also those that wait.

    Raises AccountNotFound, also where one of the two blocked the other, BadCursor.
    """
    n, viewer_id = clamp_limit(limit), viewer.id if viewer else None
    async with session_for(parts, viewer) as session:
        account_id = await find_account_id(session, username)
        if account_id is None:
            raise no_account()
        ties = await find_ties(session, viewer_id, account_id)
        check_in_sight(ties)
        kind = f"profile:{account_id}"
        before = decode_cursor(cursor_secret(parts), kind, cursor) if cursor else Place.last()
        bounds = {"account_id": account_id, "before_at": before.at, "before_id": before.id, "n": n + 1}
        if viewer_id == account_id:
            first = Place.first()
            rows = queries.list_own(session.connection, **bounds, from_at=first.at, from_id=first.id)
        else:
            rows = queries.list_profile(session.connection, **bounds, follows=ties.follows)
        return await draw_page(parts, session, viewer_id, kind, await list_places(rows), n)


async def read_environment_posts(
    parts: Parts, viewer: Viewer | None, environment_id: UUID, *, cursor: str | None = None, limit: int | None = None
) -> FeedPage:
    """Read one page of an environment's public posts, newest first. Raises BadCursor."""
    n, kind = clamp_limit(limit), f"environment:{environment_id}"
    viewer_id = viewer.id if viewer else None
    before = decode_cursor(cursor_secret(parts), kind, cursor) if cursor else Place.last()
    async with session_for(parts, viewer) as session:
        places = await list_places(
            queries.list_environment(
                session.connection,
                environment_id=environment_id,
                viewer_id=viewer_id,
                before_at=before.at,
                before_id=before.id,
                n=n + 1,
            )
        )
        return await draw_page(parts, session, viewer_id, kind, places, n)
