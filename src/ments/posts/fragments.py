"""Cards as the bytes that feeds hand out, drawn from ids for one reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from ments.db import Session
from ments.db.keyset import Place
from ments.parts import Parts
from ments.posts.store import hydrate_posts
from ments.relationships.store import list_unwanted


@dataclass(frozen=True, slots=True)
class Card:
    """A post as one reader is given it; `place` is where it stands by time.

    body  the card's JSON with the reader's layer: theirs alone, unless the reader is a visitor (then everybody's)
    """

    id: UUID
    author_id: UUID
    place: Place
    body: bytes


async def draw_cards(
    parts: Parts, session: Session, viewer_id: UUID | None, ids: Sequence[UUID], *, spare_muted: bool = False
) -> list[Card]:
    """Draw the cards of posts in the order of `ids`, wherever the ids are from and however old they are.

    viewer_id    None for a visitor
    spare_muted  leave out those by accounts that the reader muted, as feeds do
    Leaves out what is deleted, and what this reader may not see.
    """
    posts = await hydrate_posts(session, ids, parts.media_urls, viewer_id)
    muted: frozenset[UUID] = frozenset()
    if spare_muted and viewer_id is not None:
        muted = await list_unwanted(session, viewer_id, {post.author.id for post in posts})
    return [
        Card(post.id, post.author.id, Place(post.published_at or post.created_at, post.id), msgspec.json.encode(post))
        for post in posts
        if post.author.id not in muted
    ]
