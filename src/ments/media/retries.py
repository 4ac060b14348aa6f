"""Media that failed are begun again: when that makes sense, and how it is written down."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ments.db import Transaction, load_queries
from ments.media import rules

queries: Any = load_queries(__file__, "retries.sql")

_FILES_OWN = frozenset(
    {
        *("cut_off", "damaged", "empty_file", "never_sent", "no_picture", "nothing_to_play", "original_missing"),
        *("picture_unreadable", "playlist_unreadable", "poison", "size_mismatch", "sound_unreadable", "timeout"),
        *("too_fast", "too_heavy", "too_large", "too_long", "too_many_pixels", "too_slow", "too_small"),
        *("unknown_key", "unplayable", "unreadable", "unsupported_type"),
    }
)
"""Causes that lie in the file, or where it should be: the same file would fail again."""


def may_retry(code: str | None) -> bool:
    """Whether the same file may come out well another time."""
    return code is not None and code not in _FILES_OWN


async def begin_again(tx: Transaction, media_id: UUID, job_id: UUID | None) -> bool:
    """Let failed media wait for a job that was emitted beside this; False when they have not failed any more."""
    begun = await queries.begin_again(
        tx.connection,
        id=media_id,
        job_id=str(job_id) if job_id else None,
        lifetime_s=rules.QUEUE_LIFETIME.total_seconds(),
    )
    return begun is not None
