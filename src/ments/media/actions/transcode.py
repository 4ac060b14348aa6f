"""Turn an uploaded original into what plays: claim, fetch, render, store, commit."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import structlog

from ments.errors import MentsError, Permanent
from ments.jobs import JobContext
from ments.media import rules, store
from ments.media.actions.claim import Claim, ClaimLost
from ments.media.folder import work_folder
from ments.media.live import Live, find_live, tell_live
from ments.media.model import (
    Audience,
    MediaFailed,
    MediaPlayable,
    MediaStatus,
    MediaUploaded,
    Outputs,
    PublicAudienceWanted,
    UnplayableMedia,
)
from ments.media.programs import ffmpeg_of, sandbox_of
from ments.media.render import Workshop, render_original
from ments.observe import span
from ments.parts import Parts

log = structlog.get_logger()
OUR_TROUBLE = "Something went wrong on our side while preparing this. Try the upload again."
_CACHE_CONTROL = "public, max-age=31536000, immutable"
_TYPES = {".jpg": "image/jpeg", ".webp": "image/webp", ".mp4": "video/mp4", ".m4a": "audio/mp4"}


async def transcode_media(parts: Parts, job: JobContext, event: MediaUploaded) -> None:
    """Run one try. A try that lost the media to another changes nothing and leaves no objects.

    Raises Permanent for a file that will never play (the row says why by then), and what went wrong on our
    side otherwise; on the job's last attempt that ends the media too.
    """
    media_id = rules.media_id_of_key(event.key)
    if media_id is None:
        raise Permanent(f"No media have their original at {event.key[:200]!r}.", code="unknown_key")
    async with parts.primary.transaction() as tx:
        media = await store.claim_media(tx, media_id, job.id)
        upload = await store.find_upload_of_media(tx, media_id)
    if media is None:
        log.info("media_not_waiting", media_id=str(media_id))
        return
    told = await find_live(parts.valkey, media_id)
    claim = Claim(parts, job, media, shown=told.progress if told else 0.0)
    try:
        await claim.run(_try(parts, claim, event.key, upload.size if upload else None))
    except ClaimLost:
        log.info("claim_lost", media_id=str(media_id), number=claim.number)
    except Permanent as error:
        await _fail(parts, claim, error)
        raise
    except Exception as error:
        if job.last_attempt:
            # Words for a member stay words; anything else is ours to explain, in the log.
            await _fail(parts, claim, error if isinstance(error, MentsError) else None)
        raise


async def _try(parts: Parts, claim: Claim, key: str, size: int | None) -> None:
    generations: list[str] = []
    try:
        with work_folder(3 * (size or 0)) as folder:
            source = folder / "source"
            await _fetch(parts, key, size, source)
            claim.advance(0.05)
            workshop = Workshop(
                sandbox_of(parts.settings),
                ffmpeg_of(parts.settings),
                lambda fraction: claim.advance(0.05 + 0.85 * fraction),
            )
            outputs = await render_original(workshop, source, folder / "out")
            generation = rules.next_generation(await claim.renew(), claim.number)
            generations.append(generation)
            await _store(parts, claim, generation, outputs, folder / "out")
        if not await _commit(parts, claim, generation, outputs):
            raise ClaimLost
    except BaseException:
        for generation in generations:
            await _remove_unserved(parts, claim.media.id, generation)
        raise


async def _remove_unserved(parts: Parts, media_id: UUID, generation: str) -> None:
    """Remove what a try stored, unless it is served: whoever was interrupted can't know that its commit was not made.

    The connection may be lost, or the try be ended, after the commit and before its answer. Under the row's lock no
    commit of this try is under way any more, and a later one has another number. When the database can't be asked
    the objects stay, and go with the sweeper.
    """
    try:
        async with parts.primary.transaction() as tx:
            locked = await store.lock_media(tx, media_id)
    except Exception as error:
        log.warning("outputs_left_to_sweeper", media_id=str(media_id), generation=generation, error=repr(error))
        return
    if locked is None or locked[0].generation != generation:
        await parts.bucket.delete_prefix(f"media/{media_id}/{generation}/")


async def _fetch(parts: Parts, key: str, size: int | None, source: Path) -> None:
    with span("download", bytes=size or 0):
        head = await parts.bucket.head(key)
        if head is None:
            raise UnplayableMedia("The file is not in storage any more. Send it again.", code="original_missing")
        if head.size > parts.settings.upload_video_max_bytes or (size is not None and head.size != size):
            raise UnplayableMedia(
                "The file in storage is not the one that was announced. Send it again.", code="size_mismatch"
            )
        if await parts.bucket.download(key, source) is None:
            raise UnplayableMedia("The file is not in storage any more. Send it again.", code="original_missing")


async def _store(parts: Parts, claim: Claim, generation: str, outputs: Outputs, folder: Path) -> None:
    files = {variant.file: variant.content_type for variant in outputs.variants}
    if outputs.poster_file:
        files.setdefault(outputs.poster_file, _TYPES[Path(outputs.poster_file).suffix])
    with span("store", files=len(files)):
        for done, (file, content_type) in enumerate(files.items(), start=1):
            key = f"media/{claim.media.id}/{generation}/{file}"
            await parts.bucket.upload(key, folder / file, content_type, _CACHE_CONTROL)
            claim.advance(0.9 + 0.09 * done / len(files))


async def _commit(parts: Parts, claim: Claim, generation: str, outputs: Outputs) -> bool:
    media_id = claim.media.id
    async with parts.primary.transaction() as tx:
        audience = await store.commit_generation(tx, media_id, claim.number, generation, outputs)
        if audience is None:
            return False
        await parts.outbox.emit(tx, MediaPlayable(media_id))
        if audience is Audience.PUBLIC and not generation.startswith(audience.letter):
            # A post took it between the start of the storing and now.
            await parts.outbox.emit(tx, PublicAudienceWanted(media_id))
        tx.after_commit(lambda: tell_live(parts.valkey, media_id, Live(MediaStatus.READY, 1.0)))
    return True


async def _fail(parts: Parts, claim: Claim, error: MentsError | None) -> None:
    media_id = claim.media.id
    code = error.problem_code if error else "internal"
    text = error.safe if isinstance(error, Permanent) else OUR_TROUBLE
    async with parts.primary.transaction() as tx:
        if not await store.fail_media(tx, media_id, claim.number, code=code, text=text):
            return
        await parts.outbox.emit(tx, MediaFailed(media_id))
        live = Live(MediaStatus.FAILED, claim.media.progress)
        tx.after_commit(lambda: tell_live(parts.valkey, media_id, live))
