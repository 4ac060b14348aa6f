"""From the row of a post to the card that a reader is given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any
from uuid import UUID

from ments.edge.media_urls import MediaUrls
from ments.media.caption_tracks import Caption, CaptionView
from ments.media.model import Audience, MediaKind, MediaStatus
from ments.media.retries import may_retry
from ments.media.shown import ErrorView, VariantView
from ments.media.view import playlist_url
from ments.posts.model import (
    AuthorView,
    EnvironmentView,
    MediaView,
    Post,
    PostStatus,
    PostView,
    Visibility,
)
from ments.posts.polls_rules import draw_poll
from ments.posts.reactions import NOTHING_DONE, Overlay
from ments.posts.rules import Reach, shown_status


def post_of(row: Mapping[str, Any]) -> Post:
    """Read what the rules need from a row of `posts`."""
    return Post(
        id=row["id"],
        account_id=row["account_id"],
        parent_post_id=row["parent_post_id"],
        content=row["content"],
        visibility=Visibility(row["visibility"]),
        status=PostStatus(row["status"]),
        followers_of=row["followers_of"],
    )


def reach_of(row: Mapping[str, Any]) -> Reach:
    """Read what the reader is to those behind a post from a row that was asked for them."""
    return Reach(hidden=row["reader_hidden"], follows=row["reader_follows"])


def draw_card(
    row: Mapping[str, Any], urls: MediaUrls, viewer_id: UUID | None, overlay: Overlay = NOTHING_DONE
) -> PostView:
    """Make the card of a post for one reader, or for all who are not signed in (viewer_id None).

    row  one row of `hydrate_posts`; whether the reader may see it was decided before
    overlay  what the reader did to the post; nothing for those who are not signed in

    What is drawn for one reader may hold signed URLs: it is theirs alone, never to be cached for others.
    """
    is_author = viewer_id == row["account_id"]
    may_sign = viewer_id is not None
    media = row["media"] or []
    post = post_of(row)
    return PostView(
        id=post.id,
        content=post.content,
        created_at=row["created_at"].astimezone(UTC),
        published_at=row["sorted_at"].astimezone(UTC) if post.status is PostStatus.PUBLISHED else None,
        edited_at=row["edited_at"].astimezone(UTC) if row["edited_at"] else None,
        status=shown_status(post.status, [MediaStatus(m["status"]) for m in media]),
        visibility=post.visibility,
        author=AuthorView(
            id=post.account_id,
            username=row["username"],
            avatar_url=row["avatar_url"],
            full_name=row["full_name"],
            headline=row["headline"],
            is_verified=row["is_verified"],
        ),
        environment=row["environment_id"]
        and EnvironmentView(id=row["environment_id"], slug=row["environment_slug"], name=row["environment_name"]),
        media=[_draw_media(m, urls, is_author=is_author, may_sign=may_sign) for m in media],
        poll=row["poll"] and draw_poll(row["poll"], is_author=is_author, has_voted=bool(overlay.viewer.votes)),
        likes=row["likes"],
        replies=row["replies"],
        reposts=row["reposts"],
        parent_post_id=post.parent_post_id,
        viewer=None if viewer_id is None else overlay.viewer,
    )


def _draw_media(media: Mapping[str, Any], urls: MediaUrls, *, is_author: bool, may_sign: bool) -> MediaView:
    variants = [
        VariantView(
            url=url,
            name=v["name"],
            kind=MediaKind(v["kind"]),
            content_type=v["content_type"],
            width=v["width"],
            height=v["height"],
            size=v["bytes"],
            bitrate=v["bitrate"],
        )
        for v in media["variants"]
        if (url := _url_of(media, v["file"], urls, may_sign=may_sign))
    ]
    hls_url = _url_of(media, media["hls_file"], urls, may_sign=may_sign)
    # What may be fetched at all by this reader may be played while it grows.
    if hls_url is None and media["grows"] and _url_of(media, "master.m3u8", urls, may_sign=may_sign):
        hls_url = playlist_url(media["id"])
    return MediaView(
        id=UUID(media["id"]),
        media_url=max(variants, key=lambda v: (v.width * v.height, v.bitrate)).url if variants else None,
        media_type=media["kind"],
        media_thumbnail=_url_of(media, media["poster_file"], urls, may_sign=may_sign),
        width=media["width"],
        height=media["height"],
        duration_s=media["duration_s"],
        alt_text=media["alt_text"],
        status=media["status"],
        progress=media["progress"],
        error=ErrorView(media["error_code"], media["error_text"] or "", may_retry(media["error_code"]))
        if is_author and media["error_code"]
        else None,
        blurhash=media["blurhash"],
        hls_url=hls_url,
        storyboard_url=_url_of(media, media["storyboard_file"], urls, may_sign=may_sign),
        captions=[
            CaptionView(caption.language, caption.label, url)
            for row in media["captions"] or []
            if (caption := Caption(**row, generation=media["generation"]))
            and (url := _url_of(media, caption.file, urls, may_sign=may_sign))
        ],
        variants=variants,
        filename=media["filename"] if is_author else None,
    )


def _url_of(media: Mapping[str, Any], file: str | None, urls: MediaUrls, *, may_sign: bool) -> str | None:
    """A signed URL is given to one reader who may see the post: what is drawn for visitors is cached for all."""
    generation = media["generation"]
    if not file or not generation or not MediaStatus(media["status"]).is_playable:
        return None
    if generation.startswith(Audience.PUBLIC.letter):
        return urls.public(media["id"], generation, file)
    if may_sign:
        return urls.private(media["id"], media["epoch"], generation, file)
    return None
