"""Adopt an original that a producer outside has put into storage: one piece of media for each object."""

from __future__ import annotations

from uuid import UUID, uuid4

import structlog

from ments.db import Transaction
from ments.errors import Permanent, Retryable
from ments.jobs import JobContext
from ments.media import adopted, rules
from ments.media.job_events import MediaForPost, MediaUploaded
from ments.media.model import Media
from ments.parts import Parts

log = structlog.get_logger()


async def adopt_original(parts: Parts, job: JobContext, event: MediaUploaded) -> UUID:
    """Find the media that were made of what lies at a key, or write their row; returns their id.

    Their owner is the author of the post that the producer names, else the oldest operator. The original stays where
    it is. Once its bytes are others, it is another original.
    Raises Permanent with words for the producer.
    """
    rules.check_outside_key(event.key)
    head = await parts.bucket.head(event.key)
    if head is None:
        raise Permanent(f"There is no object at {event.key[:200]!r} in the bucket.", code="original_missing")
    if not 1 <= head.size <= parts.settings.upload_video_max_bytes:
        limit = rules.show_bytes(parts.settings.upload_video_max_bytes)
        raise Permanent(f"An original has 1 byte to {limit}; this one has {head.size:,} bytes.", code="size_mismatch")
    async with parts.primary.transaction() as tx:
        media_id = await adopted.find_adopted(tx, event.key, head.etag)
        if media_id is None:
            await _write(tx, job, event, head.etag)
            media_id = await adopted.find_adopted(tx, event.key, head.etag)
    if media_id is None:
        raise Retryable("These media were erased while they were adopted.", code="adoption_lost")
    return media_id


async def _write(tx: Transaction, job: JobContext, event: MediaUploaded, etag: str) -> None:
    adopter = await adopted.find_adopter(tx, rules.post_id_of(event.opts))
    if adopter is None:
        raise Permanent(
            "Nobody can own this original: opts.postId names no post of ours, and there is no operator "
            "(`ments accounts create NAME --admin` makes one).",
            code="no_owner",
        )
    media_id = uuid4()
    await adopted.adopt_media(
        tx,
        media_id,
        adopter,
        key=event.key,
        etag=etag,
        filename=rules.clean_filename(event.key),
        job_id=job.id,
    )
    log.info("original_adopted", key=event.key, media_id=str(media_id), account_id=str(adopter.account_id))


async def offer_to_post(parts: Parts, tx: Transaction, media: Media, event: MediaUploaded) -> bool:
    """Tell that adopted media, which can be played, are meant for a post, if their producer named one. Again: no harm."""
    post_id = rules.post_id_of(event.opts)
    if media.original_key is None or post_id is None:
        return False
    await parts.outbox.emit(tx, MediaForPost(media.id, post_id))
    return True
