"""Rows of media and uploads, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ments.db import Session, Transaction, load_queries
from ments.media import rules
from ments.media.film import PLAYABLE_AT
from ments.media.ladder import LADDER_VERSION
from ments.media.model import (
    Audience,
    Media,
    MediaKind,
    MediaStatus,
    Upload,
    UploadStatus,
    Variant,
)
from ments.media.plan import Outputs

queries: Any = load_queries(__file__)
_MEDIA_FIELDS = tuple(field.name for field in fields(Media))
_VARIANT_FIELDS = tuple(field.name for field in fields(Variant))


@dataclass(frozen=True, slots=True)
class Found:
    """Media with what stands around them.

    attached  a post holds them, whoever may see it
    """

    media: Media
    attached: bool
    alt_text: str


# uploads ----------------------------------------------------------------------------


async def count_open_uploads(tx: Transaction, account_id: UUID) -> int:
    """Count an account's open uploads; until the transaction ends nobody else starts one for it."""
    await queries.lock_account(tx.connection, account_id=account_id)
    count: int = await queries.count_open_uploads(tx.connection, account_id=account_id)
    return count


async def insert_upload(
    tx: Transaction, *, upload_id: UUID, media_id: UUID, account_id: UUID, plan: rules.UploadPlan
) -> Upload:
    """Write down an upload that was planned, and the media that it will become."""
    lifetime_s = rules.UPLOAD_LIFETIME.total_seconds()
    await queries.insert_media(
        tx.connection, id=media_id, account_id=account_id, filename=plan.filename, lifetime_s=lifetime_s
    )
    row = await queries.insert_upload(
        tx.connection,
        id=upload_id,
        media_id=media_id,
        account_id=account_id,
        content_type=plan.content_type,
        size=plan.size,
        part_size=plan.part_size,
        lifetime_s=lifetime_s,
    )
    return Upload(
        id=upload_id,
        media_id=media_id,
        account_id=account_id,
        status=UploadStatus.OPEN,
        filename=plan.filename,
        content_type=plan.content_type,
        size=plan.size,
        part_size=plan.part_size,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


async def find_upload(session: Session, upload_id: UUID, account_id: UUID) -> Upload | None:
    """Find an upload among an account's own."""
    return _upload(await queries.find_upload(session.connection, id=upload_id, account_id=account_id))


async def find_upload_of_media(session: Session, media_id: UUID) -> Upload | None:
    """Find the upload that brings, or brought, the original of these media."""
    return _upload(await queries.find_upload_of_media(session.connection, media_id=media_id))


async def close_upload(tx: Transaction, upload_id: UUID, status: UploadStatus) -> bool:
    """End an open upload; False when somebody else has ended it."""
    return await queries.close_upload(tx.connection, id=upload_id, status=status) is not None


def _upload(row: Mapping[str, Any] | None) -> Upload | None:
    return Upload(**{**row, "status": UploadStatus(row["status"])}) if row else None


# media: reading ---------------------------------------------------------------------


async def find_media(session: Session, media_id: UUID) -> Found | None:
    """Find media, and whether a post holds them."""
    row = await queries.find_media(session.connection, id=media_id)
    return Found(_media(row), row["attached"], row["alt_text"] or "") if row else None


async def lock_media(tx: Transaction, media_id: UUID) -> tuple[Media, bool] | None:
    """Lock a row; returns it and whether a post holds it."""
    row = await queries.lock_media(tx.connection, id=media_id)
    if row is None:
        return None
    return _media(row), bool(await queries.is_attached(tx.connection, id=media_id))


async def list_overdue(session: Session, n: int) -> list[UUID]:
    """List media whose deadline has passed, longest overdue first."""
    return [row["id"] async for row in queries.list_overdue(session.connection, n=n)]


async def put_off(tx: Transaction, media_id: UUID) -> None:
    """Look at overdue media again later, so that the others get their turn."""
    await queries.put_off(tx.connection, id=media_id, lifetime_s=rules.SWEEP_AGAIN.total_seconds())


async def list_unopened(session: Session, n: int) -> list[UUID]:
    """List media that everybody should be able to fetch, and that nobody is opening, longest waiting first."""
    older_than_s = rules.OPENING_LIFETIME.total_seconds()
    return [row["id"] async for row in queries.list_unopened(session.connection, older_than_s=older_than_s, n=n)]


async def note_opening(tx: Transaction, media_id: UUID) -> bool:
    """Write down that a public copy is asked for again; False when it is not wanted any more."""
    return await queries.note_opening(tx.connection, id=media_id) is not None


async def is_overdue(tx: Transaction, media_id: UUID) -> bool:
    """Whether a deadline has passed, asked once more under the row's lock."""
    return bool(await queries.is_overdue(tx.connection, id=media_id))


async def is_job_pending(session: Session, job_id: str | None, *, key: str | None = None) -> bool:
    """Whether the ledger has a job that will go on: this one, or any for the original at `key`."""
    return bool(await queries.is_job_pending(session.connection, job_id=job_id, key=key))


async def list_media_of_job(session: Session, job_id: str) -> list[UUID]:
    """List the unfinished media that a job held, or was to begin: one, or two when their original was replaced."""
    return [row["id"] async for row in queries.list_media_of_job(session.connection, job_id=job_id)]


def _media(row: Mapping[str, Any]) -> Media:
    known = {name: row[name] for name in _MEDIA_FIELDS}
    return Media(
        **{
            **known,
            "status": MediaStatus(row["status"]),
            "kind": MediaKind(row["kind"]) if row["kind"] else None,
            "audience": Audience(row["audience"]),
            "variants": tuple(_variant(variant, row["kind"]) for variant in row["variants"]),
        }
    )


def _variant(stored: Mapping[str, Any], kind: str) -> Variant:
    # A newer process may have written members that this one does not know.
    known = {name: stored[name] for name in _VARIANT_FIELDS if name in stored}
    return Variant(**{**known, "kind": MediaKind(stored.get("kind") or kind)})


# media: a try -----------------------------------------------------------------------


async def claim_media(tx: Transaction, media_id: UUID, job_id: str, *, may_revive: bool = False) -> Media | None:
    """Begin a try; None when the media wait for nobody, or another job is at work on them.

    may_revive  what has failed is begun again
    """
    row = await queries.claim_media(
        tx.connection,
        id=media_id,
        job_id=job_id,
        may_revive=may_revive,
        lifetime_s=rules.CLAIM_LIFETIME.total_seconds(),
    )
    return _media(row) if row else None


async def hold_claim(tx: Transaction, media_id: UUID, number: int, progress: float) -> Audience | None:
    """Say that try `number` lives; returns the audience wanted, None when the try has lost the media."""
    audience = await queries.hold_claim(
        tx.connection,
        id=media_id,
        attempt_generation=number,
        progress=progress,
        lifetime_s=rules.CLAIM_LIFETIME.total_seconds(),
    )
    return Audience(audience) if audience else None


async def commit_generation(
    tx: Transaction,
    media_id: UUID,
    number: int,
    generation: str,
    outputs: Outputs,
    status: MediaStatus = MediaStatus.READY,
) -> Audience | None:
    """Make a try's outputs the ones that are served; returns the audience wanted by now, None when the try lost.

    status  PLAYABLE when pieces are still to come
    """
    is_whole = status is MediaStatus.READY
    audience = await queries.commit_generation(
        tx.connection,
        id=media_id,
        attempt_generation=number,
        generation=generation,
        status=status,
        progress=1.0 if is_whole else PLAYABLE_AT,
        pieces_number=None if is_whole else number,
        kind=outputs.kind,
        width=outputs.width,
        height=outputs.height,
        duration_s=outputs.duration_s,
        poster_file=outputs.poster_file,
        blurhash=outputs.blurhash,
        variants=Jsonb([asdict(variant) for variant in outputs.variants]),
        probe=Jsonb(asdict(outputs.probe)) if outputs.probe else None,
        ladder_version=LADDER_VERSION,
        lifetime_s=(rules.UNATTACHED_LIFETIME if is_whole else rules.PLAYABLE_LIFETIME).total_seconds(),
    )
    return Audience(audience) if audience else None


async def fail_media(tx: Transaction, media_id: UUID, number: int, *, code: str, text: str) -> bool:
    """Write down why media will not play; False when another try has them."""
    failed = await queries.fail_media(
        tx.connection,
        id=media_id,
        attempt_generation=number,
        code=code,
        text=text,
        lifetime_s=rules.UNATTACHED_LIFETIME.total_seconds(),
    )
    return failed is not None


# media: between tries ---------------------------------------------------------------


async def queue_media(tx: Transaction, media_id: UUID, job_id: UUID | None) -> None:
    """The original is there; its job was emitted beside this."""
    await queries.queue_media(
        tx.connection,
        id=media_id,
        job_id=str(job_id) if job_id else None,
        lifetime_s=rules.QUEUE_LIFETIME.total_seconds(),
    )


async def open_to_public(tx: Transaction, media_id: UUID) -> Media | None:
    """Set the public audience. A finished private generation is counted on: `attempt_generation` numbers its copy."""
    row = await queries.open_to_public(tx.connection, id=media_id)
    return _media(row) if row else None


async def move_generation(tx: Transaction, media: Media, generation: str) -> bool:
    """Serve another copy of the same outputs as `media` do; False when somebody was quicker, or they have got more."""
    is_whole = media.status is MediaStatus.READY
    moved = await queries.move_generation(
        tx.connection,
        id=media.id,
        attempt_generation=media.attempt_generation,
        source=media.generation,
        status=media.status,
        files=len(media.variants),
        generation=generation,
        lifetime_s=(rules.UNATTACHED_LIFETIME if is_whole else rules.PLAYABLE_LIFETIME).total_seconds(),
    )
    return moved is not None


async def erase_media(tx: Transaction, media_id: UUID) -> bool:
    """Forget media; False when they were erased before."""
    signature_s = rules.SIGNATURE_LIFETIME.total_seconds()
    return await queries.erase_media(tx.connection, id=media_id, signature_s=signature_s) is not None


async def settle_media(tx: Transaction, media_id: UUID) -> None:
    """Take finished media off the sweeper's list."""
    await queries.settle_media(tx.connection, id=media_id)
