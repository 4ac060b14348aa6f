"""Complete an upload: by its client, by storage's own notice, by both or twice, and one job comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog

from ments.errors import Conflict, Invalid, NotFound
from ments.media import rules, store
from ments.media.actions.uploads import check_open, read_upload, remove_sent
from ments.media.job_events import MediaUploaded
from ments.media.live import Live, tell_live
from ments.media.model import MediaStatus, Upload, UploadMissing, UploadStatus
from ments.parts import Parts
from ments.storage import ObjectCreated

log = structlog.get_logger()
_MISSING_SHOWN = 100


async def complete_upload(
    parts: Parts, account_id: UUID, upload_id: UUID, sent_parts: Sequence[tuple[int, str]] | None = None
) -> UUID:
    """Take note that everything was sent; returns the media's id. Again: the same answer, no second job.

    sent_parts  (number, etag) of each, when the client leaves it to us to join them
    Raises UploadNotFound, UploadClosed, UploadMissing when nothing is there, Invalid when it is not what was promised.
    """
    upload = await read_upload(parts, account_id, upload_id)
    if upload.status is UploadStatus.COMPLETED:
        return upload.media_id
    check_open(upload)
    if sent_parts and upload.part_size:
        _check_all_sent(upload, upload.part_size, sent_parts)
        await _join(parts, upload, sent_parts)
    head = await parts.bucket.head(upload.key)
    if head is None:
        raise UploadMissing("The file has not arrived in storage yet. Send it first, then complete the upload.")
    if head.size != upload.size:
        await parts.bucket.delete(upload.key)
        raise Invalid(
            f"The file that arrived has {head.size} bytes; {upload.size} were announced. Send it again.",
            code="size_mismatch",
        )
    await _close(parts, upload)
    return upload.media_id


async def complete_from_storage(parts: Parts, created: ObjectCreated) -> None:
    """Take note of storage's notice of a new object; what is no upload of ours is passed over."""
    media_id = rules.media_id_of_key(created.key)
    if media_id is None:
        return
    async with parts.primary.session() as session:
        upload = await store.find_upload_of_media(session, media_id)
    if upload is None or upload.key != created.key or upload.status is UploadStatus.COMPLETED:
        return
    if upload.status is not UploadStatus.OPEN:
        # It was still under way when the upload was dropped.
        await remove_sent(parts, upload)
        return
    await _close_if_sent(parts, upload)


async def complete_if_sent(parts: Parts, media_id: UUID) -> bool:
    """Complete an upload of which both the client and storage forgot to tell; False when it was not sent."""
    async with parts.primary.session() as session:
        upload = await store.find_upload_of_media(session, media_id)
    return upload is not None and upload.status is UploadStatus.OPEN and await _close_if_sent(parts, upload)


async def _close_if_sent(parts: Parts, upload: Upload) -> bool:
    head = await parts.bucket.head(upload.key)
    if head is None:
        return False
    if head.size != upload.size:
        log.warning("upload_size_mismatch", media_id=str(upload.media_id), size=head.size, announced=upload.size)
        await parts.bucket.delete(upload.key)
        return False
    await _close(parts, upload)
    return True


async def _close(parts: Parts, upload: Upload) -> None:
    async with parts.primary.transaction() as tx:
        if not await store.close_upload(tx, upload.id, UploadStatus.COMPLETED):
            await _explain_lost(parts, upload)
            return
        event = MediaUploaded(upload.key, {"media_id": str(upload.media_id)}, upload.account_id)
        job_ids = await parts.outbox.emit(tx, event)
        await store.queue_media(tx, upload.media_id, job_ids[0] if job_ids else None)
        tx.after_commit(lambda: tell_live(parts.valkey, upload.media_id, Live(MediaStatus.QUEUED, 0.0)))


async def _explain_lost(parts: Parts, upload: Upload) -> None:
    """Somebody else closed it first: fine when they completed it, to be told when they dropped it."""
    async with parts.primary.session() as session:
        now = await store.find_upload(session, upload.id, upload.account_id)
    if now is not None and now.status is not UploadStatus.COMPLETED:
        check_open(now)


def _check_all_sent(upload: Upload, part_size: int, sent_parts: Sequence[tuple[int, str]]) -> None:
    """Raise Conflict unless each part is named once: joining some of them would lose them all."""
    count = -(-upload.size // part_size)
    missing = sorted(set(range(1, count + 1)) - {number for number, _ in sent_parts})
    if missing or len(sent_parts) != count:
        raise Conflict(
            f"This upload has {count} parts, each to be named once; {len(sent_parts)} were named.",
            code="parts_mismatch",
            extra={"part_count": count, "missing": missing[:_MISSING_SHOWN]},
        )


async def _join(parts: Parts, upload: Upload, sent_parts: Sequence[tuple[int, str]]) -> None:
    """Join the parts of the newest upload in parts at this key; one that was joined before is fine."""
    begun = await parts.bucket.list_uploads(upload.key)
    for candidate in sorted(begun, key=lambda found: found.started_at, reverse=True):
        try:
            await parts.bucket.complete_multipart(candidate.key, candidate.upload_id, sent_parts)
        except NotFound:
            continue
        except Conflict as error:
            if error.problem_code == "already_uploaded":
                return
            raise
        return
