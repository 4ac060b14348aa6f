"""End media whose job has died without a word of its own: poison, out of time, postponed too often, an unfit payload."""

from __future__ import annotations

from uuid import UUID

import structlog

from ments.db import Transaction
from ments.jobs import JobDied
from ments.media import store
from ments.media.actions.leftovers import remove_unserved
from ments.media.job_events import MediaFailed
from ments.media.live import Live, tell_live
from ments.media.model import Media, MediaStatus
from ments.parts import Parts

log = structlog.get_logger()
_OUR_TROUBLE = "Something went wrong on our side while preparing this. Try the upload again."
_TEXTS = {
    "poison": "Preparing this file ended the program that does it, several times over. Save it anew and send it again.",
    "timeout": "Preparing this file took longer than we wait for one file.",
}


async def give_up_media(parts: Parts, died: JobDied) -> None:
    """Fail the media that a dead job held, and remove what its runs have stored. Again: nothing.

    Media that failed by themselves have their cause already, and those that another job holds are that job's. Raises Away.
    """
    async with parts.primary.transaction() as tx:
        held = await store.list_media_of_job(tx, str(died.job_id))
        ended = [media for media_id in held if (media := await _fail(parts, tx, media_id, died))]
    for media in ended:
        await remove_unserved(parts, media, media.attempt_generation)


async def _fail(parts: Parts, tx: Transaction, media_id: UUID, died: JobDied) -> Media | None:
    locked = await store.lock_media(tx, media_id)
    if locked is None or locked[0].job_id != str(died.job_id) or await store.is_job_pending(tx, locked[0].job_id):
        return None  # somebody was quicker: another job, or the operator who revived this one
    media = locked[0]
    await fail_unfinished(parts, tx, media, code=died.code, text=_TEXTS.get(died.code, _OUR_TROUBLE))
    return media


async def fail_unfinished(parts: Parts, tx: Transaction, media: Media, *, code: str, text: str) -> None:
    """Write down that media will not be finished, with words for their author. Lock them before."""
    if not await store.fail_media(tx, media.id, media.attempt_generation, code=code, text=text):
        return
    log.error("media_given_up", media_id=str(media.id), code=code)
    await parts.outbox.emit(tx, MediaFailed(media.id))
    tx.after_commit(lambda: tell_live(parts.valkey, media.id, Live(MediaStatus.FAILED, media.progress)))
