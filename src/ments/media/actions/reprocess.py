"""Choose media to be made anew, and accept their jobs in batches; what is done, or waits already, is left out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ments.db import Transaction
from ments.errors import Permanent
from ments.jobs import JobContext
from ments.media import rebuild_rows, store
from ments.media.actions.transcode import transcode_media
from ments.media.job_events import MediaUploaded, RebuildWanted, TranscodeAgain
from ments.media.model import MediaStatus
from ments.media.rebuild_rows import Chosen, Selected
from ments.parts import Parts

BATCH = 100
"""Jobs of one transaction: uploads of the same account are planned beside it."""


@dataclass(frozen=True, slots=True)
class Reprocessed:
    """One batch. `job_ids` in the order of `media`; none of a dry run."""

    media: tuple[Selected, ...]
    job_ids: tuple[UUID, ...]


async def count_to_reprocess(parts: Parts, chosen: Chosen) -> int:
    """How many media are chosen."""
    async with parts.primary.session() as session:
        return await rebuild_rows.count_selected(session, chosen)


async def reprocess_media(
    parts: Parts, chosen: Chosen, *, limit: int | None = None, dry_run: bool = False
) -> AsyncIterator[Reprocessed]:
    """Accept a job of low rank for each of the chosen media, batch after batch, each of which is final.

    limit    media at most
    dry_run  only say which
    """
    left, after = limit, None
    while left is None or left > 0:
        n = BATCH if left is None else min(BATCH, left)
        async with parts.primary.transaction() as tx:
            await rebuild_rows.lock_selection(tx)
            media = await rebuild_rows.list_selected(tx, chosen, after=after, n=n)
            job_ids = () if dry_run else await _accept(parts, tx, chosen, media)
        if not media:
            return
        yield Reprocessed(tuple(media), job_ids)
        after = media[-1].id
        left = None if left is None else left - len(media)


async def transcode_again(parts: Parts, job: JobContext, event: TranscodeAgain) -> dict[str, Any]:
    """Run one try of media that failed, as `transcode_media` does. Raises Permanent when there are none such."""
    async with parts.primary.session() as session:
        found = await store.find_media(session, event.media_id)
    if found is None:
        raise Permanent(f"There are no media {event.media_id}.", code="unknown_key")
    return await transcode_media(parts, job, MediaUploaded(found.media.key, account_id=event.account_id))


async def _accept(parts: Parts, tx: Transaction, chosen: Chosen, media: list[Selected]) -> tuple[UUID, ...]:
    if chosen.status is MediaStatus.FAILED:
        events = [TranscodeAgain(one.id, one.account_id) for one in media]
        job_ids = await parts.outbox.emit_many(tx, events)
        for one, job_id in zip(media, job_ids, strict=True):
            await rebuild_rows.begin_again(tx, one.id, job_id)
        return job_ids
    # Who names media wants them made anew, whichever ladder they are of.
    forced = chosen.below is None
    return await parts.outbox.emit_many(
        tx, [RebuildWanted(one.id, account_id=one.account_id, forced=forced) for one in media]
    )
