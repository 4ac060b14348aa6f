"""End every state that has lasted too long: nothing stays half-made."""

from __future__ import annotations

from uuid import UUID

import structlog

from ments.errors import Retryable
from ments.media import store
from ments.media.actions.assemble import resume_film
from ments.media.actions.completion import complete_if_sent
from ments.media.actions.erase import erase_media
from ments.media.actions.give_up import fail_unfinished
from ments.media.actions.leftovers import remove_unserved
from ments.media.actions.uploads import remove_sent
from ments.media.job_events import PublicAudienceWanted
from ments.media.model import Media, MediaStatus, UploadStatus
from ments.media.pieces import is_work_pending
from ments.observe import report_error
from ments.parts import Parts

log = structlog.get_logger()
_AT_ONCE = 100


async def sweep_media(parts: Parts) -> int:
    """Look at the media whose deadline has passed, up to a hundred; returns how many.

    What fails is put off, so that it does not stand in the way of the rest.
    """
    async with parts.primary.session() as session:
        overdue = await store.list_overdue(session, _AT_ONCE)
    for media_id in overdue:
        try:
            await _sweep(parts, media_id)
        except Exception as error:
            if isinstance(error, Retryable):
                log.warning("sweep_put_off", media_id=str(media_id), error=error.safe)
            else:
                log.exception("sweep_failed", media_id=str(media_id))
                report_error(error, media_id=str(media_id))
            async with parts.primary.transaction() as tx:
                await store.put_off(tx, media_id)
    return len(overdue)


async def open_forgotten(parts: Parts) -> int:
    """Ask again for the public copies whose job was lost, or failed to the end; a post waits for each.

    Returns how many. When the first job lives after all, the one that is overtaken moves nothing.
    """
    async with parts.primary.session() as session:
        forgotten = await store.list_unopened(session, _AT_ONCE)
    for media_id in forgotten:
        async with parts.primary.transaction() as tx:
            if not await store.note_opening(tx, media_id):
                continue
            await parts.outbox.emit(tx, PublicAudienceWanted(media_id))
        log.warning("audience_asked_again", media_id=str(media_id))
    return len(forgotten)


async def _sweep(parts: Parts, media_id: UUID) -> None:
    async with parts.primary.session() as session:
        found = await store.find_media(session, media_id)
    if found is None:
        return
    match found.media.status:
        case MediaStatus.UPLOADING:
            if not found.attached or not await complete_if_sent(parts, media_id):
                await _expire(parts, media_id)
        case MediaStatus.QUEUED | MediaStatus.PROCESSING:
            await _give_up_if_lost(parts, media_id)
        case MediaStatus.PLAYABLE:
            await _resume_if_lost(parts, media_id)
        case MediaStatus.READY | MediaStatus.FAILED:
            # Nobody made a post of it: its author has gone on. Otherwise only older generations are left over. What was
            # adopted stays: the post that shows it may be one of its producer's own.
            if found.media.original_key is not None or not await erase_media(parts, media_id):
                await _tidy(parts, found.media)
        case MediaStatus.ERASED:
            await _remove_late(parts, media_id)


async def _expire(parts: Parts, media_id: UUID) -> None:
    async with parts.primary.transaction() as tx:
        locked = await store.lock_media(tx, media_id)
        upload = await store.find_upload_of_media(tx, media_id)
        if locked is None or locked[0].status is not MediaStatus.UPLOADING:
            return
        _, attached = locked
        if upload is not None:
            await store.close_upload(tx, upload.id, UploadStatus.EXPIRED)
        if attached:
            # A post waits for it: its author is told.
            await store.queue_media(tx, media_id, None)
            text = "This file was never sent. Remove it, or send it again."
            await fail_unfinished(parts, tx, locked[0], code="never_sent", text=text)
        else:
            await store.erase_media(tx, media_id)
    log.info("upload_expired", media_id=str(media_id))
    if upload is not None:
        await remove_sent(parts, upload)


async def _give_up_if_lost(parts: Parts, media_id: UUID) -> None:
    """Leave media to the job that the ledger has for them; end them when it has none, whatever became of it."""
    async with parts.primary.transaction() as tx:
        locked = await store.lock_media(tx, media_id)
        if locked is None or locked[0].status not in (MediaStatus.QUEUED, MediaStatus.PROCESSING):
            return
        if await store.is_job_pending(tx, locked[0].job_id, key=locked[0].key):
            await store.put_off(tx, media_id)
            return
        if not await store.is_overdue(tx, media_id):
            return  # its try lives after all
        text = "Preparing this was begun and never finished. Try the upload again."
        await fail_unfinished(parts, tx, locked[0], code="never_finished", text=text)


async def _resume_if_lost(parts: Parts, media_id: UUID) -> None:
    """Leave a film that plays to the jobs that the ledger has for it; finish it with what there is when it has none."""
    async with parts.primary.transaction() as tx:
        locked = await store.lock_media(tx, media_id)
        if locked is None or locked[0].status is not MediaStatus.PLAYABLE:
            return
        await store.put_off(tx, media_id)
        if await is_work_pending(tx, media_id) or await resume_film(parts, tx, locked[0]):
            return
        text = "Preparing this was begun and never finished. Try the upload again."
        await fail_unfinished(parts, tx, locked[0], code="never_finished", text=text)


async def _remove_late(parts: Parts, media_id: UUID) -> None:
    """Remove what was sent after the end with a signature from before; none is good any more, so this is the last time."""
    async with parts.primary.session() as session:
        upload = await store.find_upload_of_media(session, media_id)
    if upload is not None:
        await remove_sent(parts, upload)
    await parts.bucket.delete_prefix(f"media/{media_id}/")
    async with parts.primary.transaction() as tx:
        await store.settle_media(tx, media_id)


async def _tidy(parts: Parts, media: Media) -> None:
    """Remove the generations that are not served any more; their URLs are long past."""
    # The newest number may be a copy that is being made this moment.
    await remove_unserved(parts, media, media.attempt_generation - int(media.status.is_playable))
    async with parts.primary.transaction() as tx:
        await store.settle_media(tx, media.id)
