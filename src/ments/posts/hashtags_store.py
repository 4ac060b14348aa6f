"""Which posts have which hashtags."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ments.db import Session, Transaction, load_queries
from ments.db.keyset import Place
from ments.posts.hashtags import find_hashtags
from ments.posts.model import Post

queries: Any = load_queries(__file__, "hashtags.sql")


async def write_hashtags(tx: Transaction, post: Post) -> None:
    """List a post under the tags of its words, and under no others. Of no use before it is published."""
    await queries.write_hashtags(tx.connection, post_id=post.id, tags=list(find_hashtags(post.content)))


async def list_tagged(session: Session, tag: str, viewer_id: UUID | None, before: Place, n: int) -> list[Place]:
    """The newest n posts with a tag (folded) before a place that are for this reader."""
    rows = queries.list_tagged(
        session.connection, tag=tag, viewer_id=viewer_id, before_at=before.at, before_id=before.id, n=n
    )
    return [Place(row["at"], row["id"]) async for row in rows]
