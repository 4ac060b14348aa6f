"""Make ready media anew by today's ladder, a piece a job; what is served stays until all of the new is stored.

A film's jobs follow one another, so that a worker is never held for longer than one piece while members wait.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from ments.errors import Permanent, Retryable
from ments.jobs import JobContext
from ments.media import pieces, rebuild_rows, store
from ments.media.actions.captions import want_captions
from ments.media.actions.files import store_files
from ments.media.actions.originals import MISSING, hold_original, work_folder_of, workshop_of
from ments.media.actions.rebuild_film import make_next_piece
from ments.media.job_events import MediaFinished, RebuildWanted
from ments.media.ladder import LADDER_VERSION
from ments.media.model import Audience, Media, MediaStatus, UnplayableMedia
from ments.media.plan import join_pieces
from ments.media.rebuild_rows import Begun, RebuiltFiles
from ments.media.render import make_piece, plan_original
from ments.parts import Parts
from ments.storage import ObjectHead

log = structlog.get_logger()
_OPENING = "These media are being opened to everybody."


async def rebuild_media(parts: Parts, job: JobContext, event: RebuildWanted) -> None:
    """Go on with the rebuild of one piece of media: begin it, make one piece of a film, or finish it.

    Media that are not ready, or new enough, are left alone, and so are those that another rebuild has. Raises UnplayableMedia when today's ladder can't be made
    of the original, Retryable and Away otherwise; the old outputs are served in any case.
    """
    media = await _find(parts, event)
    if media is None:
        log.info("rebuild_not_wanted", media_id=str(event.media_id))
        return
    try:
        await _go_on(parts, job, event, media)
    except Permanent:
        # Whoever erased the media meanwhile took their files away as well: then that is no failure.
        if await _find(parts, event) is not None:
            raise


async def _go_on(parts: Parts, job: JobContext, event: RebuildWanted, media: Media) -> None:
    head = await _check_original(parts, media)
    async with parts.primary.session() as session:
        begun = await rebuild_rows.find_rebuild(session, media.id, event.number) if event.number else None
    if begun is None:
        await _begin(parts, job, event, media, head)
        return
    following = await make_next_piece(parts, job, event, media, head, begun)
    if following is not None:
        await commit_files(parts, job, media, begun, following, pieces_number=begun.number)


async def give_up_rebuild(parts: Parts, event: RebuildWanted) -> None:
    """Let the sweeper remove what a rebuild that died has stored. Again: nothing of other rebuilds is lost for good."""
    async with parts.primary.transaction() as tx:
        locked = await store.lock_media(tx, event.media_id)
        if locked is None or not await rebuild_rows.end_rebuild(tx, event.media_id, event.number):
            return
        await rebuild_rows.forget_pieces(tx, event.media_id, _served(locked[0]))
    log.error("rebuild_given_up", media_id=str(event.media_id), number=event.number)


async def _find(parts: Parts, event: RebuildWanted) -> Media | None:
    async with parts.primary.session() as session:
        found = await store.find_media(session, event.media_id)
        version = await rebuild_rows.find_version(session, event.media_id)
        overtaken = await rebuild_rows.is_another_pending(session, event.media_id, event.number)
    if found is None or version is None or overtaken or (version >= LADDER_VERSION and not event.forced):
        return None
    return found.media


async def _check_original(parts: Parts, media: Media) -> ObjectHead:
    head = await parts.bucket.head(media.key)
    if head is None:
        raise UnplayableMedia(MISSING, code="original_missing")
    if media.original_etag is not None and head.etag != media.original_etag:
        raise Permanent("Its producer has put another file in the place of this one.", code="original_changed")
    return head


async def _begin(parts: Parts, job: JobContext, event: RebuildWanted, media: Media, head: ObjectHead) -> None:
    """Look at the original, and plan a film's pieces; photos and sounds are made at once."""
    _check_open(media)
    async with hold_original(parts, media.id, media.key, head) as source:
        with work_folder_of(parts, 2 * head.size) as folder:
            out = folder / "out"
            workshop = workshop_of(parts, lambda fraction: None)
            plan = await plan_original(workshop, source, out, chunk_s=parts.settings.media_chunk_s)
            async with parts.primary.transaction() as tx:
                begun = await rebuild_rows.begin_rebuild(tx, media.id, plan.probe)
                if begun is None:
                    now = await store.find_media(tx, media.id)
                    if now is not None and now.media.status is MediaStatus.READY:
                        raise Retryable(_OPENING, code="being_opened")
                    return
                await rebuild_rows.forget_pieces(tx, media.id, _served(media))
                if plan.works:
                    await pieces.insert_pieces(tx, media.id, begun.number, plan.works, {}, {})
                    await parts.outbox.emit(tx, replace(event, number=begun.number, poster_file=None, blurhash=None))
                    await job.commit(tx)
                    return
            made = await make_piece(workshop, plan, source, out)
            await store_files(parts, media.id, begun.generation, out, made.files)
    outputs = join_pieces(plan, [made])
    files = RebuiltFiles(
        outputs.kind,
        outputs.width,
        outputs.height,
        outputs.duration_s,
        outputs.poster_file,
        outputs.blurhash,
        outputs.variants,
    )
    await commit_files(parts, job, media, begun, files, pieces_number=None)


async def commit_files(
    parts: Parts, job: JobContext, media: Media, begun: Begun, files: RebuiltFiles, *, pieces_number: int | None
) -> None:
    """Serve what was made anew, and end the job with it. Raises Retryable when the media changed: it begins again."""
    async with parts.primary.transaction() as tx:
        if await rebuild_rows.commit_rebuilt(tx, media.id, begun, files, pieces_number=pieces_number) is None:
            raise Retryable("These media changed while they were made anew.", code="rebuild_overtaken")
        await rebuild_rows.forget_pieces(tx, media.id, [pieces_number] if pieces_number else [])
        await parts.outbox.emit(tx, MediaFinished(media.id))
        await want_captions(parts, tx, media.id)
        await job.commit(tx)
    log.info("media_rebuilt", media_id=str(media.id), generation=begun.generation, replaced=media.generation)


def _check_open(media: Media) -> None:
    """Raises Retryable while the copy is made that everybody waits for: `begin_rebuild` says why."""
    if media.status.is_playable and media.audience is Audience.PUBLIC and not media.is_playable_for(Audience.PUBLIC):
        raise Retryable(_OPENING, code="being_opened")


def _served(media: Media) -> list[int]:
    return [media.pieces_number] if media.pieces_number else []
