"""Prepare media once more that failed for a cause of ours."""

from __future__ import annotations

from uuid import UUID

from ments.errors import Conflict
from ments.media import retries, store
from ments.media.job_events import MediaUploaded
from ments.media.live import Live, tell_live
from ments.media.model import MediaNotFound, MediaStatus, UploadMissing
from ments.parts import Parts


async def retry_media(parts: Parts, account_id: UUID, media_id: UUID) -> None:
    """Begin failed media again with the original that is in storage; media that are under way again: nothing.

    Raises MediaNotFound to all but their owner, Conflict when the file itself is the cause, UploadMissing without an original.
    """
    async with parts.primary.session() as session:
        found = await store.find_media(session, media_id)
    if found is None or found.media.account_id != account_id or found.media.status is MediaStatus.ERASED:
        raise MediaNotFound("There are no such media, or they are not yours.")
    media = found.media
    if media.status is not MediaStatus.FAILED:
        return
    if not retries.may_retry(media.error_code):
        raise Conflict("The same file would fail again. Send another one.", code="not_to_be_retried")
    if await parts.bucket.head(media.key) is None:
        raise UploadMissing("The file is not in storage any more. Send it again.")
    async with parts.primary.transaction() as tx:
        if await store.lock_media(tx, media_id) is None:
            return
        event = MediaUploaded(media.key, {"media_id": str(media_id)}, account_id)
        job_ids = await parts.outbox.emit(tx, event)
        if not await retries.begin_again(tx, media_id, job_ids[0] if job_ids else None):
            raise Conflict("These media are under way already.", code="under_way")
        tx.after_commit(lambda: tell_live(parts.valkey, media_id, Live(MediaStatus.QUEUED, 0.0)))
