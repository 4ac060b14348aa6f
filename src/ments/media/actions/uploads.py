"""Start, sign and abort uploads: the bytes go from the browser straight to storage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from ments.errors import Busy, Invalid, TooMany
from ments.media import rules, store
from ments.media.model import Upload, UploadClosed, UploadNotFound, UploadStatus
from ments.observe.metrics import UPLOADS_PUT_OFF
from ments.parts import Parts
from ments.storage import SignedRequest, part_length

_SIGNED_S = 3600
_PART_SIGNED_S = int(rules.SIGNATURE_LIFETIME.total_seconds())
"""Seconds that a signature is good for; another one is asked for then."""


@dataclass(frozen=True, slots=True)
class Started:
    """An upload that was started. `request` is the one PUT, None when it goes in parts."""

    upload: Upload
    request: SignedRequest | None


async def start_upload(
    parts: Parts, account_id: UUID, *, filename: str, content_type: str, size: int, public_base: str
) -> Started:
    """Promise a place for one file of exactly this size.

    size         in bytes
    public_base  the origin that the browser asked
    Raises UploadRefused for what may not be sent, Busy while too much waits to be prepared (what was begun
    before is still taken), TooMany when the account has too many uploads open.
    """
    settings = parts.settings
    plan = rules.plan_upload(
        filename,
        content_type,
        size,
        video_max_bytes=settings.upload_video_max_bytes,
        image_max_bytes=settings.upload_image_max_bytes,
        part_bytes=settings.upload_part_bytes,
    )
    await _check_room(parts)
    async with parts.primary.transaction() as tx:
        if await store.count_open_uploads(tx, account_id) >= rules.OPEN_UPLOADS_MAX:
            raise TooMany(
                f"You have {rules.OPEN_UPLOADS_MAX} unfinished uploads. Finish or cancel some of them first.",
                code="too_many_uploads",
                retry_after_s=60,
            )
        upload = await store.insert_upload(tx, upload_id=uuid4(), media_id=uuid4(), account_id=account_id, plan=plan)
    request = None if upload.part_size else _sign_put(parts, upload, public_base)
    return Started(upload, request)


async def _check_room(parts: Parts) -> None:
    """Raise Busy when the workers are far behind."""
    for backlog in parts.backlogs:
        excess = await backlog.find_excess()
        if excess is not None:
            break
    else:
        return
    UPLOADS_PUT_OFF.labels(excess.reason).inc()
    raise Busy(rules.say_backlog(excess.retry_after_s), code="media_backlog", retry_after_s=excess.retry_after_s)


async def read_upload(parts: Parts, account_id: UUID, upload_id: UUID) -> Upload:
    """Read one of the account's own uploads. Raises UploadNotFound."""
    async with parts.primary.session() as session:
        return _found(await store.find_upload(session, upload_id, account_id))


async def sign_request(
    parts: Parts,
    account_id: UUID,
    upload_id: UUID,
    *,
    method: str,
    part_upload_id: str | None,
    part_number: int | None,
    public_base: str,
) -> SignedRequest:
    """Sign one request to storage for this upload's own key, as Uppy asks for them.

    part_upload_id  storage's name of the upload in parts, which only the browser remembers
    part_number     from 1; its exact length is signed
    Raises UploadNotFound, UploadClosed, Invalid for what this upload has no use for.
    """
    upload = await read_upload(parts, account_id, upload_id)
    check_open(upload)
    signer, key = parts.signer, upload.key
    if upload.part_size is None:
        if method != "PUT" or part_upload_id or part_number:
            raise Invalid("This upload is one PUT of the whole file.", code="not_in_parts")
        return _sign_put(parts, upload, public_base)
    match method, part_upload_id, part_number:
        case "POST", None, None:
            return signer.create_multipart(key, upload.content_type, _SIGNED_S, public_base)
        case "PUT", str(), int():
            length = part_length(upload.size, upload.part_size, part_number)
            signed_s = _part_signed_s(upload)
            return signer.upload_part(key, part_upload_id, part_number, length, signed_s, public_base)
        case "GET", str(), None:
            return signer.list_parts(key, part_upload_id, _SIGNED_S, public_base)
        case "POST", str(), None:
            return signer.complete_multipart(key, part_upload_id, _SIGNED_S, public_base)
        case "DELETE", str(), None:
            return signer.abort_multipart(key, part_upload_id, _SIGNED_S, public_base)
    raise Invalid(
        f"This upload goes in parts of {upload.part_size} bytes: POST begins it, PUT sends a part, GET lists parts, "
        "POST with upload_id joins them, DELETE drops them.",
        code="unknown_request",
    )


async def abort_upload(parts: Parts, account_id: UUID, upload_id: UUID) -> None:
    """Drop an upload and whatever was sent of it; dropping it again does nothing.

    Raises UploadNotFound, UploadClosed when it was completed.
    """
    upload = await read_upload(parts, account_id, upload_id)
    async with parts.primary.transaction() as tx:
        if await store.close_upload(tx, upload.id, UploadStatus.ABORTED):
            await store.erase_media(tx, upload.media_id)
        else:
            # Closed before, perhaps this very moment by its completion: then the bytes belong to a job.
            upload = _found(await store.find_upload(tx, upload_id, account_id))
    if upload.status is UploadStatus.COMPLETED:
        raise UploadClosed("This upload is complete; delete the post that holds it instead.")
    await remove_sent(parts, upload)


async def remove_sent(parts: Parts, upload: Upload) -> None:
    """Remove what was sent of an upload that will never be completed: parts and object. Raises Retryable."""
    if upload.part_size:
        for begun in await parts.bucket.list_uploads(upload.key):
            await parts.bucket.abort_multipart(begun.key, begun.upload_id)
    await parts.bucket.delete(upload.key)


def check_open(upload: Upload) -> None:
    """Raise UploadClosed unless bytes may still be sent."""
    if upload.status is UploadStatus.OPEN:
        return
    why = {
        UploadStatus.COMPLETED: "This upload is complete; nothing can be sent to it any more.",
        UploadStatus.ABORTED: "This upload was cancelled. Start it again.",
        UploadStatus.EXPIRED: "This upload has expired. Start it again.",
    }
    raise UploadClosed(why[upload.status], code=f"upload_{upload.status}")


def _sign_put(parts: Parts, upload: Upload, public_base: str) -> SignedRequest:
    """Sign the one PUT for as long as the upload is open: its `expires_at` is what the client is told."""
    left_s = int((upload.expires_at - datetime.now(UTC)).total_seconds())
    return parts.signer.put_object(upload.key, upload.size, upload.content_type, max(left_s, 1), public_base)


def _part_signed_s(upload: Upload) -> int:
    """Seconds for one part: an upload stays open a while after its end, and no signature may outlive the sweeper's last look."""
    left = upload.expires_at + rules.SIGNATURE_LIFETIME - datetime.now(UTC)
    return max(1, min(_PART_SIGNED_S, int(left.total_seconds())))


def _found(upload: Upload | None) -> Upload:
    if upload is None:
        raise UploadNotFound("There is no such upload.")
    return upload
