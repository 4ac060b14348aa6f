"""Media as they leave by JSON. Pure but for the clock that signs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ments.edge.media_urls import MediaUrls
from ments.media.caption_tracks import Caption, CaptionView
from ments.media.model import Media, MediaKind, MediaStatus, Upload, UploadStatus
from ments.media.retries import may_retry
from ments.media.shown import ErrorView, RenditionView, VariantView


@dataclass(frozen=True, slots=True)
class MediaView:
    """One piece of media. `filename` is for its owner; progress from 0 to 1; sizes in px, length in s.

    media_url       one file that plays, or is shown; of a film once it is ready
    hls_url         a film's playlists; until it is ready they grow, and become better ones at each change
    storyboard_url  WebVTT that places small pictures along a film
    eta_s           seconds until all is made, as far as can be said
    renditions      how far each size of a film is that is not ready
    """

    id: UUID
    status: MediaStatus
    kind: MediaKind | None
    progress: float
    error: ErrorView | None
    width: int | None
    height: int | None
    duration_s: float | None
    media_url: str | None
    poster_url: str | None
    hls_url: str | None
    blurhash: str | None
    variants: list[VariantView]
    alt_text: str
    filename: str | None
    created_at: datetime
    storyboard_url: str | None = None
    preview_url: str | None = None
    eta_s: float | None = None
    renditions: list[RenditionView] = field(default_factory=list)
    captions: list[CaptionView] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class UploadView:
    """An upload as its account sees it. Sizes in bytes; `part_size` None for a single PUT."""

    id: UUID
    media_id: UUID
    status: UploadStatus
    filename: str
    content_type: str
    size: int
    part_size: int | None
    expires_at: datetime


def view_media(
    media: Media,
    urls: MediaUrls,
    *,
    is_owner: bool,
    may_fetch: bool,
    alt_text: str = "",
    eta_s: float | None = None,
    renditions: Sequence[RenditionView] = (),
    captions: Sequence[Caption] = (),
) -> MediaView:
    """Show media to somebody who may see them. Private generations get signed URLs where they `may_fetch` them."""
    generation = media.generation if media.status.is_playable else None
    if generation is not None and not may_fetch and not generation.startswith("p"):
        generation = None

    def url(file: str | None) -> str | None:
        return urls.url(media.id, media.epoch, generation, file) if file and generation else None

    variants = [
        VariantView(
            name=variant.name,
            kind=variant.kind,
            url=address,
            content_type=variant.content_type,
            width=variant.width,
            height=variant.height,
            size=variant.bytes,
            bitrate=variant.bitrate,
        )
        for variant in media.variants
        if (address := url(variant.file))
    ]
    return MediaView(
        id=media.id,
        status=media.status,
        kind=media.kind,
        progress=media.progress,
        error=ErrorView(media.error_code, media.error_text or "", may_retry(media.error_code))
        if media.error_code
        else None,
        width=media.width,
        height=media.height,
        duration_s=media.duration_s,
        media_url=max(variants, key=lambda v: (v.width * v.height, v.bitrate)).url if variants else None,
        poster_url=url(media.poster_file),
        hls_url=url(media.hls_file) or (playlist_url(media.id) if grows(media) and (may_fetch or generation) else None),
        blurhash=media.blurhash,
        variants=variants,
        storyboard_url=url(media.storyboard_file),
        preview_url=url(media.preview_file),
        eta_s=eta_s,
        renditions=list(renditions),
        captions=[shown for shown in view_captions(media, captions, urls, may_fetch=may_fetch) if shown.url],
        alt_text=alt_text,
        filename=media.filename if is_owner else None,
        created_at=media.created_at,
    )


def view_captions(media: Media, captions: Sequence[Caption], urls: MediaUrls, *, may_fetch: bool) -> list[CaptionView]:
    """Show captions, without an address where they do not lie beside the film yet, or may not be fetched."""
    generation = media.generation if media.status.is_playable else None
    if generation is not None and not may_fetch and not generation.startswith("p"):
        generation = None
    return [
        CaptionView(
            caption.language,
            caption.label,
            urls.url(media.id, media.epoch, generation, caption.file)
            if generation and caption.generation == generation
            else None,
        )
        for caption in captions
    ]


def grows(media: Media) -> bool:
    """Whether it is a film that plays, and whose playlists still grow."""
    return media.status is MediaStatus.PLAYABLE and media.pieces_number is not None


def playlist_url(media_id: UUID | str) -> str:
    """Where the API tells what of a film can be played by now; once it is ready, it points to the playlists for good."""
    return f"/api/media/{media_id}/playlist.m3u8"


def answer_producer(media: Media) -> dict[str, Any]:
    """What a transcode has come to, as the producer of its job reads it back from the queue (JSON values).

    {media_id, status, kind, width, height, duration_s, poster, files: [{key, content_type, width, height, bytes}]}; `key`
    and `poster` are keys in the bucket.
    """
    folder = f"media/{media.id}/{media.generation}/"
    return {
        "media_id": str(media.id),
        "status": media.status.value,
        "kind": media.kind.value if media.kind else None,
        "width": media.width,
        "height": media.height,
        "duration_s": media.duration_s,
        "poster": folder + media.poster_file if media.poster_file else None,
        "files": [
            {
                "key": folder + variant.file,
                "content_type": variant.content_type,
                "width": variant.width,
                "height": variant.height,
                "bytes": variant.bytes,
            }
            for variant in media.variants
        ],
    }


def view_upload(upload: Upload) -> UploadView:
    """Show an upload to its own account."""
    return UploadView(
        id=upload.id,
        media_id=upload.media_id,
        status=upload.status,
        filename=upload.filename,
        content_type=upload.content_type,
        size=upload.size,
        part_size=upload.part_size,
        expires_at=upload.expires_at,
    )
