"""Captions of a film: given and taken away by its owner, and laid beside its files wherever those are."""

from __future__ import annotations

from uuid import UUID

import structlog

from ments.db import Session, Transaction
from ments.errors import Conflict, Forbidden, Retryable
from ments.media import caption_rows, store
from ments.media.caption_tracks import (
    LANGUAGES_MAX,
    Caption,
    CaptionsNotFound,
    CaptionsRefused,
    CaptionsWanted,
    CaptionView,
    check_language,
    clean_label,
)
from ments.media.captions import parse_captions, write_captions
from ments.media.model import Media, MediaKind, MediaNotFound, MediaStatus
from ments.media.multivariant import CaptionStream
from ments.media.playlists import write_captions_playlist
from ments.media.recaption import list_other_captions
from ments.media.seen import get_seen
from ments.media.view import view_captions
from ments.parts import Parts

log = structlog.get_logger()
_TRIES = 4
_VTT = "text/vtt; charset=utf-8"
_PLAYLIST = "application/vnd.apple.mpegurl"
_FOR_EVER = "public, max-age=31536000, immutable"


async def add_captions(
    parts: Parts, account_id: UUID, media_id: UUID, *, language: str, label: str, data: bytes
) -> CaptionView:
    """Give a film captions, in the place of those in the same language; at any time, also before it plays.

    data  WebVTT or SubRip as their author has saved it
    Raises MediaNotFound, Forbidden, CaptionsRefused with the line of what can't be read.
    """
    await _check_owner(parts, account_id, media_id)
    tag, name = check_language(language), clean_label(label)
    text = write_captions(parse_captions(data))
    async with parts.primary.session() as session:
        present = await caption_rows.list_captions(session, media_id)
        if len(present) >= LANGUAGES_MAX and tag not in {caption.language for caption in present}:
            raise Conflict(f"A film may have captions in {LANGUAGES_MAX} languages.", code="too_many_captions")
        number = await caption_rows.next_number(session)
    caption = Caption(tag, number, name or tag, None)
    await parts.bucket.put_bytes(caption.key(media_id), text.encode(), _VTT)
    async with parts.primary.transaction() as tx:
        locked = await store.lock_media(tx, media_id)
        if locked is None or locked[0].status in (MediaStatus.FAILED, MediaStatus.ERASED):
            raise MediaNotFound("There are no such media any more.")
        old = await caption_rows.put_captions(tx, media_id, caption)
        # Should this request end here, the job goes on with it.
        await parts.outbox.emit(tx, CaptionsWanted(media_id))
    await place_captions(parts, media_id)
    if old is not None:
        await _remove_files(parts, media_id, old)
    return next(view for view in await list_captions(parts, account_id, media_id) if view.language == tag)


async def remove_captions(parts: Parts, account_id: UUID, media_id: UUID, language: str) -> None:
    """Take a film's captions in one language away. Raises MediaNotFound, Forbidden, CaptionsNotFound."""
    await _check_owner(parts, account_id, media_id)
    async with parts.primary.transaction() as tx:
        removed = await caption_rows.remove_captions(tx, media_id, check_language(language))
        if removed is None:
            raise CaptionsNotFound("There are no captions in this language.")
        await parts.outbox.emit(tx, CaptionsWanted(media_id))
    # The playlist first: nobody is told of files that are gone.
    await place_captions(parts, media_id)
    await _remove_files(parts, media_id, removed)


async def list_captions(parts: Parts, viewer_id: UUID | None, media_id: UUID) -> list[CaptionView]:
    """List captions for who may see the media. Raises MediaNotFound."""
    async with parts.primary.session() as session:
        seen = await get_seen(parts, session, viewer_id, media_id)
        captions = await caption_rows.list_captions(session, media_id)
    shown = view_captions(seen.media, captions, parts.media_urls, may_fetch=seen.may_fetch)
    return [caption for caption in shown if seen.is_owner or caption.url]


async def place_captions(parts: Parts, media_id: UUID) -> None:
    """Lay captions beside the files that a film is served from, and list them in its playlist; again: nothing.

    Raises Retryable when the film moves faster than this can follow.
    """
    for _ in range(_TRIES):
        async with parts.primary.session() as session:
            found = await store.find_media(session, media_id)
            captions = await caption_rows.list_captions(session, media_id)
        if found is None or not found.media.status.is_playable or found.media.generation is None:
            return
        if await _place(parts, found.media, captions):
            return
    raise Retryable("These media change all the time.", code="captions_not_placed")


async def want_captions(parts: Parts, tx: Transaction, media_id: UUID) -> None:
    """Call this whenever media come to be served from other files: their captions follow."""
    if await caption_rows.has_captions(tx, media_id):
        await parts.outbox.emit(tx, CaptionsWanted(media_id))


async def list_caption_streams(session: Session, media: Media) -> list[CaptionStream]:
    """What a playlist beside the media's files may list, as it is now."""
    captions = await caption_rows.list_captions(session, media.id)
    return _streams([caption for caption in captions if caption.generation == media.generation])


async def _place(parts: Parts, media: Media, captions: tuple[Caption, ...]) -> bool:
    """False when the media changed meanwhile."""
    folder = f"media/{media.id}/{media.generation}/"
    placed: list[Caption] = []
    for caption in captions:
        if caption.generation != media.generation:
            if not await parts.bucket.copy(caption.key(media.id), folder + caption.file):
                log.warning("captions_missing", media_id=str(media.id), file=caption.file)
                continue
            playlist = write_captions_playlist(caption.file, media.duration_s or 1.0)
            await parts.bucket.put_bytes(folder + caption.playlist, playlist.encode(), _PLAYLIST, _FOR_EVER)
        placed.append(caption)
    new_file = media.hls_file and await _list_in_playlist(parts, folder, media.hls_file, placed)
    async with parts.primary.transaction() as tx:
        if await store.lock_media(tx, media.id) is None:
            return True
        if await caption_rows.list_captions(tx, media.id) != captions:
            return False
        assert media.generation is not None
        return await caption_rows.place_captions(
            tx, media.id, media.generation, placed, hls_file=media.hls_file, new_file=new_file
        )


async def _list_in_playlist(parts: Parts, folder: str, file: str, captions: list[Caption]) -> str:
    """The name of a playlist that lists these captions: a new one, unless this one does."""
    stored = await parts.bucket.read_bytes(folder + file)
    if stored is None:
        raise Retryable("The playlist of these media is not in storage.", code="output_missing")
    master = stored.decode()
    changed = list_other_captions(master, _streams(captions))
    if changed == master:
        return file
    async with parts.primary.session() as session:
        number = await caption_rows.next_number(session)
    name = f"master-{number}.m3u8"
    await parts.bucket.put_bytes(folder + name, changed.encode(), _PLAYLIST, _FOR_EVER)
    return name


def _streams(captions: list[Caption]) -> list[CaptionStream]:
    return [CaptionStream(caption.playlist, caption.language, caption.label) for caption in captions]


async def _check_owner(parts: Parts, account_id: UUID, media_id: UUID) -> None:
    """Raises MediaNotFound to who may not see the media, Forbidden to who does not own them, CaptionsRefused for photos."""
    async with parts.primary.session() as session:
        seen = await get_seen(parts, session, account_id, media_id)
    if not seen.is_owner:
        raise Forbidden("Only the owner of a video may change its captions.")
    if seen.media.kind not in (None, MediaKind.VIDEO):
        raise CaptionsRefused("Captions go with videos; this is none.", code="no_video")


async def _remove_files(parts: Parts, media_id: UUID, caption: Caption) -> None:
    await parts.bucket.delete(caption.key(media_id))
    if caption.generation:
        for file in (caption.file, caption.playlist):
            await parts.bucket.delete(f"media/{media_id}/{caption.generation}/{file}")
