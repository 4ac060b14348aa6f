"""Remove what tries have stored and nobody is served: of runs that lost, failed or died."""

from __future__ import annotations

from uuid import UUID

import structlog

from ments.jobs import JobContext
from ments.media import rules, store
from ments.media.model import Media, MediaStatus
from ments.parts import Parts

log = structlog.get_logger()


async def remove_leftovers(parts: Parts, job: JobContext, media_id: UUID, number: int) -> None:
    """Remove what try `number` and those before it stored, unless it is served, or the job's next run goes on with it.

    A try that was interrupted can't know that its commit was not made: under the row's lock none of this try is under
    way any more, and a later one has another number. When the database or storage can't be asked the objects stay, and
    go with the sweeper.
    """
    try:
        async with parts.primary.transaction() as tx:
            locked = await store.lock_media(tx, media_id)
        media = locked[0] if locked else None
        if media is None:
            await parts.bucket.delete_prefix(f"media/{media_id}/")
        elif not (media.status is MediaStatus.PROCESSING and media.job_id == job.id):
            await remove_unserved(parts, media, number)
    except Exception as error:
        log.warning("outputs_left_to_sweeper", media_id=str(media_id), number=number, error=repr(error))


async def remove_unserved(parts: Parts, media: Media, number: int) -> int:
    """Remove the generations up to `number` that `media` are not served from; returns how many objects. Raises Away."""
    removed = 0
    for found in await parts.bucket.list_objects(f"media/{media.id}/"):
        folder = found.key.split("/")[2]
        made_by = rules.number_of_generation(folder)
        if made_by is not None and made_by <= number and folder != media.generation:
            await parts.bucket.delete(found.key)
            removed += 1
    return removed
