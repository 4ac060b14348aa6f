"""The pieces of a film that plays already: begun together, each made by a job of its own, the last one tells."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import structlog

from ments.db import Transaction
from ments.errors import MentsError, Permanent
from ments.jobs import JobContext, JobDied
from ments.media import pieces as rows
from ments.media.actions.files import remove_files, store_files
from ments.media.actions.originals import MISSING, hold_original, work_folder_of, workshop_of
from ments.media.film import PieceWork
from ments.media.film_run import make_film_piece
from ments.media.job_events import FirstPieceWanted, PiecesStored, PieceWanted
from ments.media.live import tell_piece
from ments.media.model import Media, UnplayableMedia
from ments.media.pieces import FoundPiece
from ments.media.plan import Piece
from ments.media.tracks import StoredPart
from ments.parts import Parts

log = structlog.get_logger()
_TELL_S = 0.5
_DIED = "Part of this video could not be prepared, something went wrong on our side."


async def begin_pieces(
    parts: Parts, tx: Transaction, media: Media, works: Sequence[PieceWork], generation: str, first: Piece
) -> None:
    """Write down all pieces of a film, of which the first is stored, and accept a job for each of the others."""
    media_id, number = media.id, media.attempt_generation
    job_ids: dict[str, UUID] = {}
    for event_type, of in (
        (FirstPieceWanted, [work for work in works[1:] if work.is_first]),
        (PieceWanted, [work for work in works[1:] if not work.is_first]),
    ):
        events = [event_type(media_id, number, work.name, media.account_id) for work in of]
        ids = await parts.outbox.emit_many(tx, events)
        job_ids |= dict(zip((work.name for work in of), ids, strict=True))
    stored = {works[0].name: StoredPart(generation, first.tracks, independent=not works[0].copies)}
    await rows.insert_pieces(tx, media_id, number, works, job_ids, stored)
    if len(works) == 1:
        await parts.outbox.emit(tx, PiecesStored(media_id, number, media.account_id))


async def encode_piece(parts: Parts, job: JobContext, event: PieceWanted | FirstPieceWanted) -> None:
    """Make and store one piece, unless it is not wanted any more.

    Raises Permanent for what will never be made (the piece says why by then), Retryable and Away otherwise.
    """
    async with parts.primary.session() as session:
        found = await rows.find_piece(session, event.media_id, event.number, event.name)
    if found is None or not found.is_wanted:
        log.info("piece_not_wanted", media_id=str(event.media_id), piece=event.name)
        return
    try:
        await _make(parts, job, event, found)
    except Permanent as error:
        # Whoever erased the film meanwhile took its files away as well: then that is no failure.
        if await _give_up(parts, event.media_id, event.number, event.name, event.account_id, error.safe):
            raise
        log.info("piece_not_wanted", media_id=str(event.media_id), piece=event.name, error=repr(error))


async def give_up_piece(parts: Parts, died: JobDied) -> None:
    """End the piece that a dead job should have made; the film goes on without. Again: nothing."""
    async with parts.primary.session() as session:
        found = await rows.find_piece_of_job(session, died.job_id)
    if found is not None:
        await _give_up(parts, *found, None, _DIED)


async def _make(parts: Parts, job: JobContext, event: PieceWanted | FirstPieceWanted, found: FoundPiece) -> None:
    head = await parts.bucket.head(found.key)
    if head is None:
        raise UnplayableMedia(MISSING, code="original_missing")
    if found.etag is not None and head.etag != found.etag:
        raise Permanent("Its producer has put another file in the place of this one.", code="original_changed")
    told = _Told(parts, event, found.work)
    async with hold_original(parts, event.media_id, found.key, head) as source:
        with work_folder_of(parts, head.size) as folder:
            out = folder / "out"
            telling = asyncio.create_task(told.go_on())
            try:
                made = await make_film_piece(
                    workshop_of(parts, told.advance), found.probe, found.work, source, out, lease=job.lease
                )
            finally:
                told.end()
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)
            await _store(parts, job, event, made, out)
    await tell_piece(parts.valkey, event.media_id, event.name, found.work.share)


async def _store(
    parts: Parts, job: JobContext, event: PieceWanted | FirstPieceWanted, made: Piece, folder: Path
) -> None:
    """Put the files where the film is served from, and say so. Raises LeaseLost, having removed them."""
    async with parts.primary.session() as session:
        found = await rows.find_piece(session, event.media_id, event.number, event.name)
    if found is None or not found.is_wanted:
        return
    generation = found.generation
    kept = False
    try:
        await store_files(parts, event.media_id, generation, folder, made.files)
        async with parts.primary.transaction() as tx:
            kept = await _end(
                parts,
                tx,
                event.media_id,
                event.number,
                event.name,
                event.account_id,
                StoredPart(generation, made.tracks, independent=not found.work.copies),
            )
            if kept:
                await job.commit(tx)
    except (MentsError, asyncio.CancelledError):
        # Its names hold this run's number: nobody else has them. When it was committed after all, they stay.
        if not await _was_committed(parts, event):
            await remove_files(parts, event.media_id, generation, [file.name for file in made.files])
        raise
    if not kept:
        await remove_files(parts, event.media_id, generation, [file.name for file in made.files])


async def _was_committed(parts: Parts, event: PieceWanted | FirstPieceWanted) -> bool:
    async with parts.primary.session() as session:
        found = await rows.find_piece(session, event.media_id, event.number, event.name)
    return found is not None and not found.is_wanted


async def _give_up(parts: Parts, media_id: UUID, number: int, name: str, account_id: UUID | None, words: str) -> bool:
    """End a piece without files. False when nobody waits for it."""
    async with parts.primary.transaction() as tx:
        ended = await _end(parts, tx, media_id, number, name, account_id, words)
    if ended:
        log.error("piece_given_up", media_id=str(media_id), piece=name, cause=words)
    return ended


async def _end(
    parts: Parts,
    tx: Transaction,
    media_id: UUID,
    number: int,
    name: str,
    account_id: UUID | None,
    end: StoredPart | str,
) -> bool:
    """Note the end of a piece; the last one's starts the assembly. False when nobody waits for it."""
    if await rows.lock_playable(tx, media_id, number) is None:
        return False
    stored, error = (None, end) if isinstance(end, str) else (end, None)
    if not await rows.end_piece(tx, media_id, number, name, stored=stored, error=error):
        return False
    if await rows.count_left(tx, media_id, number) == 0:
        await parts.outbox.emit(tx, PiecesStored(media_id, number, account_id))
    return True


class _Told:
    """Tells those who watch how far a piece is."""

    def __init__(self, parts: Parts, event: PieceWanted | FirstPieceWanted, work: PieceWork) -> None:
        self._parts = parts
        self._event = event
        self._work = work
        self._fraction = 0.0
        self._over = False

    def advance(self, fraction: float) -> None:
        self._fraction = max(self._fraction, fraction)

    def end(self) -> None:
        """Stop telling. Being cancelled is not enough: the client of Valkey loses a cancellation at times."""
        self._over = True

    async def go_on(self) -> None:
        told = 0.0
        while not self._over:
            await asyncio.sleep(_TELL_S)
            if self._fraction > told:
                told = self._fraction
                await tell_piece(self._parts.valkey, self._event.media_id, self._event.name, told * self._work.share)
