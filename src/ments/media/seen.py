"""Media as one reader may see them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ments.db import Session
from ments.media import rules, store
from ments.media.model import Media, MediaNotFound
from ments.parts import Parts


@dataclass(frozen=True, slots=True)
class Seen:
    """Media that a reader may see.

    may_fetch  whether they get signed URLs: what is told to visitors is cached for all of them, so those get none
    """

    media: Media
    alt_text: str
    is_owner: bool
    may_fetch: bool


async def get_seen(parts: Parts, session: Session, viewer_id: UUID | None, media_id: UUID) -> Seen:
    """Find media that this reader may see: their own, or those of a post that they may see. Raises MediaNotFound."""
    found = await store.find_media(session, media_id)
    if found is not None:
        is_owner = viewer_id == found.media.account_id
        held = not is_owner and await parts.sees_media(session, viewer_id, media_id)
        if rules.may_see(found.media, viewer_id=viewer_id, held_by_seen_post=held):
            return Seen(found.media, found.alt_text, is_owner, may_fetch=viewer_id is not None)
    raise MediaNotFound("There are no such media, or they are not visible to you.")
