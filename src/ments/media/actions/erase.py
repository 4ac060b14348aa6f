"""Forget media that nothing holds: the row at once, the objects right after."""

from __future__ import annotations

from uuid import UUID

from ments.media import caption_rows, store
from ments.media.actions.uploads import remove_sent
from ments.media.model import UploadStatus
from ments.parts import Parts


async def erase_media(parts: Parts, media_id: UUID, *, even_if_attached: bool = False) -> bool:
    """Erase media that no post holds, and their objects; again: only what is left of the objects is removed.

    Returns False when a post holds them. Raises Retryable when storage does not answer: run it again.
    """
    async with parts.primary.transaction() as tx:
        locked = await store.lock_media(tx, media_id)
        if locked is None:
            return True
        _, attached = locked
        if attached and not even_if_attached:
            return False
        await store.erase_media(tx, media_id)
        await caption_rows.forget_captions(tx, media_id)
        upload = await store.find_upload_of_media(tx, media_id)
        if upload is not None and upload.status is UploadStatus.OPEN:
            await store.close_upload(tx, upload.id, UploadStatus.ABORTED)
    if upload is not None:
        await remove_sent(parts, upload)
    await parts.bucket.delete_prefix(f"media/{media_id}/")
    return True
