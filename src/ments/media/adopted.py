"""Rows of media whose original a producer outside has put into storage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ments.db import Session, Transaction, load_queries
from ments.media import rules
from ments.media.model import Audience

queries: Any = load_queries(__file__, "adopted.sql")


@dataclass(frozen=True, slots=True)
class Adopter:
    """Who will own the media, and who must be able to fetch them."""

    account_id: UUID
    audience: Audience


async def find_adopter(session: Session, post_id: UUID | None) -> Adopter | None:
    """The author of that post, if there is one, else the oldest operator; None when there is nobody."""
    post = await queries.find_post(session.connection, id=post_id) if post_id else None
    if post is not None:
        audience = Audience.PUBLIC if post["visibility"] == "public" else Audience.PRIVATE
        return Adopter(post["account_id"], audience)
    operator_id = await queries.find_oldest_operator(session.connection)
    return Adopter(operator_id, Audience.PRIVATE) if operator_id else None


async def find_adopted(session: Session, key: str, etag: str) -> UUID | None:
    """Find the media that were made of these bytes at this key."""
    found: UUID | None = await queries.find_adopted(session.connection, original_key=key, original_etag=etag)
    return found


async def adopt_media(
    tx: Transaction, media_id: UUID, adopter: Adopter, *, key: str, etag: str, filename: str, job_id: str
) -> None:
    """Write the row of media whose original lies outside, unless these bytes have one."""
    await queries.adopt_media(
        tx.connection,
        id=media_id,
        account_id=adopter.account_id,
        filename=filename,
        audience=adopter.audience,
        original_key=key,
        original_etag=etag,
        job_id=job_id,
        lifetime_s=rules.QUEUE_LIFETIME.total_seconds(),
    )
