"""Rows of captions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from ments.db import Session, Transaction, load_queries
from ments.media.caption_tracks import Caption

queries: Any = load_queries(__file__, "caption_rows.sql")


async def next_number(session: Session) -> int:
    """A number for a name that was never given before."""
    number: int = await queries.next_number(session.connection)
    return number


async def put_captions(tx: Transaction, media_id: UUID, caption: Caption) -> Caption | None:
    """Write captions down in the place of those in the same language; returns the latter."""
    row = await queries.put_captions(
        tx.connection, media_id=media_id, language=caption.language, number=caption.number, label=caption.label
    )
    if row is None or row["number"] is None:
        return None
    return Caption(caption.language, row["number"], "", row["generation"])


async def list_captions(session: Session, media_id: UUID) -> tuple[Caption, ...]:
    """All captions of these media, by language."""
    return tuple([_caption(row) async for row in queries.list_captions(session.connection, media_id=media_id)])


async def has_captions(session: Session, media_id: UUID) -> bool:
    """Whether these media have captions."""
    return bool(await queries.has_captions(session.connection, media_id=media_id))


async def remove_captions(tx: Transaction, media_id: UUID, language: str) -> Caption | None:
    """Take captions away; returns them, None when there are none in this language."""
    row = await queries.remove_captions(tx.connection, media_id=media_id, language=language)
    return _caption(row) if row else None


async def forget_captions(tx: Transaction, media_id: UUID) -> None:
    """Take away all captions of media that are erased."""
    await queries.forget_captions(tx.connection, media_id=media_id)


async def place_captions(
    tx: Transaction,
    media_id: UUID,
    generation: str,
    captions: Iterable[Caption],
    *,
    hls_file: str | None,
    new_file: str | None,
) -> bool:
    """Note that these captions lie in the folder that the media are served from, and which playlist lists them.

    hls_file  the playlist as it was read
    Returns False when the media have moved, or their playlist has changed: then nothing is noted.
    """
    changed = await queries.change_playlist(
        tx.connection, media_id=media_id, generation=generation, hls_file=hls_file, new_file=new_file
    )
    if changed is None:
        return False
    numbers = [caption.number for caption in captions]
    await queries.place_captions(tx.connection, media_id=media_id, generation=generation, numbers=numbers)
    return True


def _caption(row: Mapping[str, Any]) -> Caption:
    return Caption(row["language"], row["number"], row["label"], row["generation"])
