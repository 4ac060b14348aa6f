"""A film whose pieces have all ended becomes ready: playlists for good, one file to download, pictures for seeking."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from ments.db import Transaction
from ments.errors import Away, Permanent, Retryable
from ments.jobs import JobContext, JobDied
from ments.media import pieces as rows
from ments.media import store
from ments.media.actions.captions import want_captions
from ments.media.actions.files import copy_files, store_files
from ments.media.actions.give_up import fail_unfinished
from ments.media.actions.inputs import count_joined, fetch_inputs
from ments.media.actions.originals import work_folder_of, workshop_of
from ments.media.caption_tracks import is_of_captions
from ments.media.film_join import FilmFiles, join_film, write_playlists
from ments.media.job_events import MediaFinished, PiecesStored, PublicAudienceWanted
from ments.media.live import Live, tell_live
from ments.media.model import Audience, Media, MediaStatus, Probe, UnplayableMedia
from ments.media.tracks import Line, WantedPart, line_up, list_files
from ments.parts import Parts

log = structlog.get_logger()
_TRIES = 4
_MOVED = "The files of this film are being moved."


async def assemble_film(parts: Parts, job: JobContext, event: PiecesStored) -> None:
    """Make a film ready with what its pieces have stored.

    Raises UnplayableMedia when nothing of it plays to the end (the row says why by then), Retryable and Away otherwise.
    """
    for _ in range(_TRIES):
        film = await _read(parts, event)
        if film is None:
            log.info("film_not_waiting", media_id=str(event.media_id))
            return
        try:
            rungs, sound = choose_lines(film.wanted)
        except UnplayableMedia as error:
            await _fail(parts, film, error)
            raise
        if await _finish(parts, job, film, rungs, sound):
            return
    raise Retryable(_MOVED, code="moved")


@dataclass(frozen=True, slots=True)
class _Film:
    media: Media
    number: int
    generation: str
    probe: Probe
    wanted: list[WantedPart]


async def _read(parts: Parts, event: PiecesStored) -> _Film | None:
    async with parts.primary.session() as session:
        found = await store.find_media(session, event.media_id)
        if found is None or found.media.pieces_number != event.number or found.media.generation is None:
            return None
        if found.media.status is not MediaStatus.PLAYABLE:
            return None
        probe = await rows.find_probe(session, event.media_id)
        wanted = await rows.list_parts(session, event.media_id, event.number)
    if probe is None or not all(part.stored or part.error for part in wanted):
        return None
    return _Film(found.media, event.number, found.media.generation, probe, wanted)


def choose_lines(wanted: Sequence[WantedPart]) -> tuple[list[Line], Line | None]:
    """The rungs that are whole, smallest first, and the sound. Pure.

    Raises UnplayableMedia when there is none, or the sound of a film that has some is not whole.
    """
    rungs, sound = line_up(wanted)
    whole = [line for line in rungs if line.is_whole]
    if not whole or (sound is not None and not sound.is_whole):
        words = next((part.error for part in wanted if part.error), None)
        raise UnplayableMedia(words or "Not one picture in this video could be read.", code="damaged")
    return whole, sound


async def _finish(parts: Parts, job: JobContext, film: _Film, rungs: list[Line], sound: Line | None) -> bool:
    """Store what joins the pieces, and commit it; False when the film was moved meanwhile: to be done again."""
    media_id, generation = film.media.id, film.generation
    await _gather(parts, film)
    with work_folder_of(parts, 3 * count_joined(rungs, sound)) as folder:
        out = folder / "out"
        inputs = await fetch_inputs(parts, f"media/{media_id}/{generation}/", rungs, sound, out)
        made = await join_film(workshop_of(parts, lambda fraction: None), film.probe, inputs, folder, out)
        written = await asyncio.to_thread(write_playlists, out, film.probe, rungs, sound)
        await store_files(parts, media_id, generation, out, [*made.files, *written])
    failed = [part for part in film.wanted if part.error]
    finished = rows.FinishedFilm(
        variants=made.variants,
        hls_file=written[-1].name,
        storyboard_file=made.storyboard_file,
        preview_file=made.preview_file,
        width=rungs[-1].width,
        height=rungs[-1].height,
        error_code="not_all_sizes" if failed else None,
        error_text=failed[0].error if failed else None,
    )
    async with parts.primary.transaction() as tx:
        audience = await rows.finish_film(tx, media_id, film.number, generation, finished)
        if audience is None:
            return False
        await parts.outbox.emit(tx, MediaFinished(media_id))
        await want_captions(parts, tx, media_id)
        if audience is Audience.PUBLIC and not generation.startswith(audience.letter):
            await parts.outbox.emit(tx, PublicAudienceWanted(media_id))
        await job.commit(tx)
        tx.after_commit(lambda: tell_live(parts.valkey, media_id, Live(MediaStatus.READY, 1.0)))
    await _remove_unused(parts, film, made, [file.name for file in written])
    return True


async def _gather(parts: Parts, film: _Film) -> None:
    """Bring what was stored before the film was moved to where it is served from now."""
    for source in sorted({part.stored.generation for part in film.wanted if part.stored} - {film.generation}):
        moved = [part for part in film.wanted if part.stored and part.stored.generation == source]
        names = [name for part in moved if part.stored for name, _, _ in list_files(part.stored.tracks)]
        await copy_files(parts, film.media.id, source, film.generation, names)
        async with parts.primary.transaction() as tx:
            await rows.move_pieces(
                tx, film.media.id, film.number, [part.name for part in moved], source, film.generation
            )


async def _fail(parts: Parts, film: _Film, error: Permanent) -> None:
    async with parts.primary.transaction() as tx:
        await _fail_in(parts, tx, film.media.id, film.number, error.problem_code, error.safe)


async def give_up_film(parts: Parts, died: JobDied, event: PiecesStored) -> None:
    """End a film whose assembly has died. Again: nothing."""
    async with parts.primary.transaction() as tx:
        words = "Something went wrong on our side while preparing this. Try the upload again."
        await _fail_in(parts, tx, event.media_id, event.number, died.code, words)


async def _fail_in(parts: Parts, tx: Transaction, media_id: UUID, number: int, code: str, text: str) -> None:
    locked = await store.lock_media(tx, media_id)
    if locked is None or locked[0].status is not MediaStatus.PLAYABLE or locked[0].pieces_number != number:
        return
    await fail_unfinished(parts, tx, locked[0], code=code, text=text)


async def _remove_unused(parts: Parts, film: _Film, made: FilmFiles, playlists: list[str]) -> None:
    """Remove what overtaken runs have left where the film is served from; the sweeper can't tell it from the rest."""
    used = {name for part in film.wanted if part.stored for name, _, _ in list_files(part.stored.tracks)}
    used |= {file.name for file in made.files} | set(playlists) | {film.media.poster_file or ""}
    prefix = f"media/{film.media.id}/{film.generation}/"
    try:
        for found in await parts.bucket.list_objects(prefix):
            name = found.key.removeprefix(prefix)
            if name not in used and not is_of_captions(name):
                await parts.bucket.delete(found.key)
    except Away as error:
        log.warning("outputs_left", media_id=str(film.media.id), error=repr(error))


async def resume_film(parts: Parts, tx: Transaction, media: Media) -> bool:
    """Assemble a film that plays and that no job goes on with any more: pieces that are missing will not come.

    Lock it before. Returns False when there is nothing to assemble.
    """
    if media.pieces_number is None:
        return False
    for part in await rows.list_parts(tx, media.id, media.pieces_number):
        if part.stored is None and part.error is None:
            await rows.end_piece(
                tx, media.id, media.pieces_number, part.name, error="Preparing this was begun and never finished."
            )
    await parts.outbox.emit(tx, PiecesStored(media.id, media.pieces_number, media.account_id))
    return True
