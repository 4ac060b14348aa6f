"""Open finished media to everybody: a copy of the outputs under a public generation, inside storage."""

from __future__ import annotations

from uuid import UUID

import structlog

from ments.media import pieces as rows
from ments.media import rules, store
from ments.media.actions.captions import want_captions
from ments.media.actions.files import copy_files
from ments.media.job_events import MediaPlayable
from ments.media.model import Audience, Media
from ments.parts import Parts

log = structlog.get_logger()


async def publish_audience(parts: Parts, media_id: UUID) -> None:
    """Let everybody fetch media: at once when they are finished, else by the try that is under way.

    Again: nothing but the event. The row lock and the attempt's number decide every race: a try that commits a
    private generation afterwards sees the audience that is wanted and asks for this again.
    """
    async with parts.primary.transaction() as tx:
        media = await store.open_to_public(tx, media_id)
        if media is None or not media.status.is_playable or media.generation is None:
            return
        if media.is_playable_for(Audience.PUBLIC):
            await parts.outbox.emit(tx, MediaPlayable(media_id))
            return
    generation = rules.next_generation(Audience.PUBLIC, media.attempt_generation)
    async with parts.primary.session() as session:
        pieces = await rows.list_parts(session, media_id, media.pieces_number) if media.pieces_number else []
    source = media.generation
    await _copy(parts, media, source, generation)
    async with parts.primary.transaction() as tx:
        moved = await store.move_generation(tx, media, generation)
        if moved:
            if media.pieces_number:
                # What was stored since then lies in the old folder alone, until the film is assembled.
                copied = [part.name for part in pieces if part.stored and part.stored.generation == source]
                await rows.move_pieces(tx, media_id, media.pieces_number, copied, source, generation)
            await parts.outbox.emit(tx, MediaPlayable(media_id))
            await want_captions(parts, tx, media_id)
    if not moved:
        log.info("generation_lost", media_id=str(media_id), generation=generation)
        await parts.bucket.delete_prefix(f"media/{media_id}/{generation}/")


async def _copy(parts: Parts, media: Media, source: str, target: str) -> None:
    """Copy all that lies in a generation's folder, and make sure that all that is named lies there. Raises Retryable."""
    prefix = f"media/{media.id}/{source}/"
    names = {found.key.removeprefix(prefix) for found in await parts.bucket.list_objects(prefix)}
    named = {variant.file for variant in media.variants}
    named |= {file for file in (media.poster_file, media.hls_file, media.storyboard_file, media.preview_file) if file}
    await copy_files(parts, media.id, source, target, sorted(names | named))
