"""Uploads that were completed, and what became of their media."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import originals
from ments.jobs import JobContext
from ments.media import store
from ments.media.job_events import MediaUploaded
from ments.media.rules import UploadPlan, clean_filename
from ments.parts import Parts
from posting import Member, NotedLease, fetch_row, job_of


def run_of(
    job_id: str = "job-1", attempt: int = 1, lease: NotedLease | None = None, *, revived: bool = False
) -> JobContext:
    return job_of("transcode", queue="media", job_id=job_id, attempt=attempt, lease=lease, revived=revived)


async def make_queued(
    parts: Parts, owner: Member, source: Path, *, size: int | None = None, filename: str | None = None
) -> MediaUploaded:
    """An upload that was completed: the original in storage, the row waiting."""
    media_id, upload_id = uuid4(), uuid4()
    name = source.name if filename is None else clean_filename(filename)
    plan = UploadPlan(name, "video/mp4", originals.size_of(source) if size is None else size, None)
    async with parts.primary.transaction() as tx:
        await store.insert_upload(tx, upload_id=upload_id, media_id=media_id, account_id=owner.viewer.id, plan=plan)
        await tx.connection.execute("update uploads set status = 'completed' where id = %s", (upload_id,))
        await store.queue_media(tx, media_id, None)
    key = f"media/{media_id}/original"
    await parts.bucket.upload(key, source, "application/octet-stream")
    return MediaUploaded(key, {"media_id": str(media_id)})


def id_of(event: MediaUploaded) -> UUID:
    return UUID(event.key.split("/")[1])


async def row_of(parts: Parts, event: MediaUploaded) -> dict[str, Any]:
    return await fetch_row(parts, "select * from media where id = %s", id_of(event))


async def files_of(parts: Parts, event: MediaUploaded) -> list[str]:
    prefix = f"media/{id_of(event)}/"
    return [found.key.removeprefix(prefix) for found in await parts.bucket.list_objects(prefix)]


async def set_row(parts: Parts, event: MediaUploaded, change: str) -> None:
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(f"update media set {change} where id = %s", (id_of(event),))
