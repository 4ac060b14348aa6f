"""Rows of the pieces of films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from ments.db import Session, Transaction, load_queries
from ments.media import rules
from ments.media.film import PLAYABLE_AT, STORED_AT, PieceWork
from ments.media.model import Audience, MediaStatus, Probe, Variant
from ments.media.tracks import StoredPart, WantedPart

queries: Any = load_queries(__file__, "pieces.sql")


@dataclass(frozen=True, slots=True)
class FoundPiece:
    """A piece with what its maker has to know of the film. `is_wanted` until it has ended, as long as the film plays."""

    work: PieceWork
    probe: Probe
    generation: str
    key: str
    etag: str | None
    is_wanted: bool


@dataclass(frozen=True, slots=True)
class FinishedFilm:
    """What a film comes to. Names of files in its generation's folder."""

    variants: tuple[Variant, ...]
    hls_file: str
    storyboard_file: str | None
    preview_file: str | None
    width: int
    height: int
    error_code: str | None = None
    error_text: str | None = None


async def insert_pieces(
    tx: Transaction,
    media_id: UUID,
    number: int,
    works: Sequence[PieceWork],
    job_ids: Mapping[str, UUID],
    stored: Mapping[str, StoredPart],
) -> None:
    """Write down all pieces of a film: {name: job} of those to be made, {name: what} of those that are stored."""
    rows = [
        {
            "name": work.name,
            "chunk": work.span.index,
            "rungs": work.track_names,
            "work": work,
            "share": work.share,
            "job_id": job_ids.get(work.name),
            "result": stored.get(work.name),
        }
        for work in works
    ]
    listed = msgspec.json.encode(rows).decode()
    await queries.insert_pieces(tx.connection, media_id=media_id, number=number, pieces=listed)


async def find_piece(session: Session, media_id: UUID, number: int, name: str) -> FoundPiece | None:
    """Find a piece of the film as it plays now; None when there is none such any more."""
    row = await queries.find_piece(session.connection, media_id=media_id, number=number, name=name)
    if row is None or row["probe"] is None or row["generation"] is None:
        return None
    ended = row["result"] is not None or row["error"] is not None
    return FoundPiece(
        work=msgspec.convert(row["work"], PieceWork),
        probe=msgspec.convert(row["probe"], Probe),
        generation=row["generation"],
        key=row["original_key"] or f"media/{media_id}/original",
        etag=row["original_etag"],
        is_wanted=not ended and row["status"] == MediaStatus.PLAYABLE,
    )


async def list_parts(session: Session, media_id: UUID, number: int) -> list[WantedPart]:
    """All pieces of a film as they stand."""
    return [
        WantedPart(
            name=row["name"],
            start_s=row["work"]["span"]["start_s"],
            names=tuple(row["rungs"]),
            share=row["share"],
            stored=msgspec.convert(row["result"], StoredPart) if row["result"] else None,
            error=row["error"],
        )
        async for row in queries.list_pieces(session.connection, media_id=media_id, number=number)
    ]


async def find_probe(session: Session, media_id: UUID) -> Probe | None:
    """What was found in the original of a film."""
    probe = await queries.find_probe(session.connection, media_id=media_id)
    return msgspec.convert(probe, Probe) if probe else None


async def find_elapsed(session: Session, media_id: UUID, number: int) -> float:
    """Seconds since a film plays."""
    return float(await queries.find_elapsed(session.connection, media_id=media_id, number=number) or 0.0)


async def lock_playable(tx: Transaction, media_id: UUID, number: int) -> tuple[str, Audience] | None:
    """Lock a film that plays; returns the generation it is served from, and who should be able to fetch it."""
    row = await queries.lock_playable(tx.connection, media_id=media_id, number=number)
    return (row["generation"], Audience(row["audience"])) if row else None


async def end_piece(
    tx: Transaction,
    media_id: UUID,
    number: int,
    name: str,
    *,
    stored: StoredPart | None = None,
    error: str | None = None,
) -> bool:
    """Note what a piece has stored, or why it never will; False when it has ended before. Lock the film before."""
    result = Jsonb(msgspec.to_builtins(stored)) if stored else None
    ended = await queries.end_piece(
        tx.connection, media_id=media_id, number=number, name=name, result=result, error=error
    )
    if ended is None:
        return False
    await queries.advance(
        tx.connection,
        media_id=media_id,
        playable_at=PLAYABLE_AT,
        stored_at=STORED_AT,
        lifetime_s=rules.PLAYABLE_LIFETIME.total_seconds(),
    )
    return True


async def count_left(tx: Transaction, media_id: UUID, number: int) -> int:
    """How many pieces have not ended yet."""
    left: int = await queries.count_left(tx.connection, media_id=media_id, number=number)
    return left


async def move_pieces(
    tx: Transaction, media_id: UUID, number: int, names: Sequence[str], source: str, target: str
) -> None:
    """Note that the files of some pieces were copied to another generation."""
    await queries.move_pieces(
        tx.connection, media_id=media_id, number=number, names=list(names), source=source, target=target
    )


async def find_piece_of_job(session: Session, job_id: UUID) -> tuple[UUID, int, str] | None:
    """The piece that a job should have made and has not: (media, number, name)."""
    row = await queries.find_piece_of_job(session.connection, job_id=job_id)
    return (row["media_id"], row["number"], row["name"]) if row else None


async def is_work_pending(session: Session, media_id: UUID) -> bool:
    """Whether some job will still go on with a film that plays."""
    return bool(await queries.is_work_pending(session.connection, media_id=str(media_id)))


async def finish_film(
    tx: Transaction, media_id: UUID, number: int, generation: str, film: FinishedFilm
) -> Audience | None:
    """Make a film ready; returns the audience wanted by now, None when it was moved, erased or finished meanwhile."""
    audience = await queries.finish_film(
        tx.connection,
        media_id=media_id,
        number=number,
        generation=generation,
        variants=Jsonb(msgspec.to_builtins(film.variants)),
        hls_file=film.hls_file,
        storyboard_file=film.storyboard_file,
        preview_file=film.preview_file,
        width=film.width,
        height=film.height,
        error_code=film.error_code,
        error_text=film.error_text,
        lifetime_s=rules.UNATTACHED_LIFETIME.total_seconds(),
    )
    return Audience(audience) if audience else None
