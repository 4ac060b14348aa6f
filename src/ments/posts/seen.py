"""Posts as one reader may see them: what `rules.may_see` decides, asked with what it needs.

Every verb that reads or answers a post by its id begins here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ments.db import Session, load_queries
from ments.posts.cards import post_of, reach_of
from ments.posts.model import Post
from ments.posts.rules import may_see

queries: Any = load_queries(__file__, "seen.sql")


async def find_seen_post(session: Session, viewer_id: UUID | None, post_id: UUID) -> Post | None:
    """Find a post that this reader may see; None for others, as for one that does not exist."""
    row = await queries.find_with_reach(session.connection, id=post_id, viewer_id=viewer_id)
    return _seen(row, viewer_id)


async def sees_media(session: Session, viewer_id: UUID | None, media_id: UUID) -> bool:
    """Say whether a post that this reader may see holds the media. Their owner sees them also without one."""
    row = await queries.find_holder_with_reach(session.connection, media_id=media_id, viewer_id=viewer_id)
    return _seen(row, viewer_id) is not None


def _seen(row: Mapping[str, Any] | None, viewer_id: UUID | None) -> Post | None:
    if row is None:
        return None
    post = post_of(row)
    return post if may_see(viewer_id, post, reach_of(row)) else None
