"""Turn an uploaded original into what plays: claim, fetch, make and store step by step, commit."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from ments.errors import Permanent, Retryable
from ments.jobs import JobContext, LeaseLost
from ments.media import rules, store
from ments.media.actions.adopt import adopt_original, offer_to_post
from ments.media.actions.beginnings import open_beginning, plan_beginning
from ments.media.actions.captions import want_captions
from ments.media.actions.claim import Claim, ClaimLost
from ments.media.actions.leftovers import remove_leftovers
from ments.media.actions.originals import MISSING, hold_original, work_folder_of, workshop_of
from ments.media.actions.pieces import begin_pieces
from ments.media.actions.steps import Steps, Storing
from ments.media.film import PLAYABLE_AT
from ments.media.film_run import make_film_piece
from ments.media.job_events import MediaFailed, MediaPlayable, MediaUploaded, PhotoStored, PublicAudienceWanted
from ments.media.live import Live, find_live, tell_live
from ments.media.model import Audience, Media, MediaKind, MediaStatus, UnplayableMedia
from ments.media.plan import Piece, Plan, Step, join_pieces
from ments.media.render import Progress, make_piece, plan_original, within
from ments.media.view import answer_producer
from ments.parts import Parts
from ments.storage import ObjectHead

log = structlog.get_logger()
# How far a try is once it knows what to make, and once all of it is stored.
_PLANNED = 0.1
_STORED = 0.99


async def transcode_media(parts: Parts, job: JobContext, event: MediaUploaded) -> dict[str, Any]:
    """Run one try. Returns what became of the media, for whoever asked: see `answer_producer`.

    A try that lost the media to another changes nothing. One that is ended before its time leaves what its finished
    steps stored to the job's next run; one that failed for good leaves nothing.
    Raises Permanent for a file that will never play (the row says why by then), and what went wrong on our side
    otherwise: when the job dies of it, `give_up_media` ends the media.
    """
    media_id = rules.media_id_of_key(event.key) or await adopt_original(parts, job, event)
    async with parts.primary.transaction() as tx:
        media = await store.claim_media(tx, media_id, job.id, may_revive=job.revived)
        upload = await store.find_upload_of_media(tx, media_id)
    if media is None:
        return await _as_it_stands(parts, job, event, media_id)
    told = await find_live(parts.valkey, media_id)
    claim = Claim(parts, job, media, shown=told.progress if told else 0.0)
    try:
        await claim.run(_try(parts, job, claim, event, upload.size if upload else None))
    except (ClaimLost, LeaseLost, Permanent) as error:
        # Whoever took the media, or erased them, may have taken their files away as well: then that is no failure.
        failed = isinstance(error, Permanent) and await _fail(parts, claim, error)
        if not failed:
            log.info("claim_lost", media_id=str(media_id), number=claim.number, error=repr(error))
        await remove_leftovers(parts, job, media_id, claim.number)
        if failed or isinstance(error, LeaseLost):
            raise
    return answer_producer(await _get_media(parts, media_id))


async def _as_it_stands(parts: Parts, job: JobContext, event: MediaUploaded, media_id: UUID) -> dict[str, Any]:
    """Nothing is to be done: they are finished, or another job is at work on them."""
    media = await _get_media(parts, media_id)
    log.info("media_not_waiting", media_id=str(media_id), status=media.status)
    if media.status is MediaStatus.FAILED and media.job_id == job.id:
        # This job's own end: its worker died before it could say so.
        raise UnplayableMedia(media.error_text or "These media failed.", code=media.error_code)
    if media.status.is_playable:
        async with parts.primary.transaction() as tx:
            if await offer_to_post(parts, tx, media, event):
                await job.commit(tx)
    return answer_producer(media)


async def _get_media(parts: Parts, media_id: UUID) -> Media:
    async with parts.primary.session() as session:
        found = await store.find_media(session, media_id)
    if found is None:
        raise Permanent(f"There are no media {media_id}.", code="unknown_key")
    return found.media


async def _try(parts: Parts, job: JobContext, claim: Claim, event: MediaUploaded, size: int | None) -> None:
    original = await _check_original(parts, claim.media, size)
    steps = Steps(parts, job, claim)
    with work_folder_of(parts, 2 * original.size) as folder:
        async with _Work(parts, job, claim, folder, original) as work:
            plan = await steps.plan(work.plan)
            claim.advance(_PLANNED)
            high = PLAYABLE_AT if plan.works else _STORED
            done, pieces = _PLANNED, []
            for step in plan.list_steps():
                low, done = done, done + (high - _PLANNED) * step.share
                make = partial(work.make, plan, step, within(claim.advance, low, done))
                pieces.append(await steps.piece(step, work.folder_of(step), make))
                claim.advance(done)
    await _commit(parts, job, claim, event, await steps.gather(), plan, pieces)


class _Work:
    """What one try does on this disk.

    The original is fetched when the first step needs it, which may be none; of a long film only its beginning.
    """

    def __init__(self, parts: Parts, job: JobContext, claim: Claim, folder: Path, original: ObjectHead) -> None:
        self._parts = parts
        self._job = job
        self._claim = claim
        self._folder = folder
        self._original = original
        self._source: Path | None = None
        self._beginning: Path | None = None
        self._held = AsyncExitStack()

    async def __aenter__(self) -> _Work:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._held.aclose()

    def folder_of(self, step: Step) -> Path:
        """Where a step writes."""
        return self._folder / "out" / step.name

    async def plan(self) -> Plan:
        workshop, chunk_s = workshop_of(self._parts, self._claim.advance), self._parts.settings.media_chunk_s
        out = self._folder / "out"
        beginning = await open_beginning(self._parts, self._claim.media.key, self._original, self._folder / "beginning")
        plan = await plan_beginning(workshop, beginning, out, chunk_s=chunk_s) if beginning else None
        if beginning and plan:
            self._beginning = beginning.file.path
            return plan
        return await plan_original(workshop, await self._fetch(), out, chunk_s=chunk_s)

    async def make(self, plan: Plan, step: Step, on_progress: Progress, storing: Storing) -> Piece:
        workshop, folder = workshop_of(self._parts, on_progress), self.folder_of(step)
        if not plan.works or not plan.probe:
            return await make_piece(workshop, plan, await self._fetch(), folder)
        number, keep = self._claim.number, storing.put
        make = partial(make_film_piece, workshop, plan.probe, plan.works[0], lease=number, poster=True, keep=keep)
        if self._beginning:
            try:
                return await make(self._beginning, folder)
            except (UnplayableMedia, Retryable) as error:
                log.info("original_needed_whole", media_id=str(self._claim.media.id), cause=error.safe)
                storing.begin_again()
                await asyncio.to_thread(shutil.rmtree, folder)
                await asyncio.to_thread(folder.mkdir)
        return await make(await self._fetch(), folder)

    async def _fetch(self) -> Path:
        if self._source is None:
            media = self._claim.media
            held = hold_original(self._parts, media.id, media.key, self._original)
            self._source = await self._held.enter_async_context(held)
            self._claim.advance(0.05)
        return self._source


async def _check_original(parts: Parts, media: Media, size: int | None) -> ObjectHead:
    """Look whether the original is the one that was announced, or adopted."""
    head = await parts.bucket.head(media.key)
    if head is None:
        raise UnplayableMedia(MISSING, code="original_missing")
    if head.size > parts.settings.upload_video_max_bytes or (size is not None and head.size != size):
        raise UnplayableMedia(
            "The file in storage is not the one that was announced. Send it again.", code="size_mismatch"
        )
    if media.original_etag is not None and head.etag != media.original_etag:
        raise Retryable("Its producer has just put another file in the place of this one.", code="original_changed")
    return head


async def _commit(
    parts: Parts,
    job: JobContext,
    claim: Claim,
    event: MediaUploaded,
    generation: str,
    plan: Plan,
    pieces: Sequence[Piece],
) -> None:
    """Serve what was made, and end the job with it; of a film the rest is begun. Raises ClaimLost, LeaseLost."""
    media_id = claim.media.id
    status = MediaStatus.PLAYABLE if plan.works else MediaStatus.READY
    outputs = join_pieces(plan, pieces)
    async with parts.primary.transaction() as tx:
        audience = await store.commit_generation(tx, media_id, claim.number, generation, outputs, status)
        if audience is None:
            raise ClaimLost
        if plan.works:
            await begin_pieces(parts, tx, claim.media, plan.works, generation, pieces[0])
        await parts.outbox.emit(tx, MediaPlayable(media_id))
        if plan.kind is MediaKind.PHOTO:
            await parts.outbox.emit(tx, PhotoStored(media_id, claim.media.account_id))
        await want_captions(parts, tx, media_id)
        if audience is Audience.PUBLIC and not generation.startswith(audience.letter):
            # A post took it between the start of the storing and now.
            await parts.outbox.emit(tx, PublicAudienceWanted(media_id))
        await offer_to_post(parts, tx, claim.media, event)
        await job.commit(tx)
        live = Live(status, PLAYABLE_AT if plan.works else 1.0)
        tx.after_commit(lambda: tell_live(parts.valkey, media_id, live))
    if claim.number > 1:
        await remove_leftovers(parts, job, media_id, claim.number)


async def _fail(parts: Parts, claim: Claim, error: Permanent) -> bool:
    """Write down why the media will never play. False when this try holds them no more: they are not its to judge."""
    media_id = claim.media.id
    async with parts.primary.transaction() as tx:
        if not await store.fail_media(tx, media_id, claim.number, code=error.problem_code, text=error.safe):
            return False
        await parts.outbox.emit(tx, MediaFailed(media_id))
        live = Live(MediaStatus.FAILED, claim.media.progress)
        tx.after_commit(lambda: tell_live(parts.valkey, media_id, live))
    return True
