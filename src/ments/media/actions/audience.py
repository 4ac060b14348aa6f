"""Open finished media to everybody: a copy of the outputs under a public generation, inside storage."""

from __future__ import annotations

from uuid import UUID

import structlog

from ments.errors import Retryable
from ments.media import rules, store
from ments.media.model import Audience, Media, MediaPlayable
from ments.observe import span
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
    await _copy(parts, media, media.generation, generation)
    async with parts.primary.transaction() as tx:
        moved = await store.move_generation(tx, media_id, media.attempt_generation, generation)
        if moved:
            await parts.outbox.emit(tx, MediaPlayable(media_id))
    if not moved:
        log.info("generation_lost", media_id=str(media_id), generation=generation)
        await parts.bucket.delete_prefix(f"media/{media_id}/{generation}/")


async def _copy(parts: Parts, media: Media, source: str, target: str) -> None:
    files = {variant.file for variant in media.variants} | ({media.poster_file} if media.poster_file else set())
    with span("copy", files=len(files)):
        for file in sorted(files):
            if not await parts.bucket.copy(f"media/{media.id}/{source}/{file}", f"media/{media.id}/{target}/{file}"):
                raise Retryable(f"The file {file} of these media is not in storage.", code="output_missing")
