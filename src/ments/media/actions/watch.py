"""Look at media once, or follow them until nothing will change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from ments.errors import TooMany
from ments.media import caption_rows, pieces
from ments.media.live import find_live, find_told_pieces
from ments.media.model import MediaStatus
from ments.media.progress import estimate_rest, list_renditions
from ments.media.seen import get_seen
from ments.media.tracks import WantedPart
from ments.media.view import MediaView, view_media
from ments.parts import Parts

log = structlog.get_logger()
STREAM_LIFETIME_S = 600
STREAMS_MAX = 12
"""Streams that one account may have open at once; a browser follows one for each file of a post, in a few tabs."""
STREAMS_A_PROCESS = 256
"""Streams that one process holds: half of the requests that it works on at once, so that many accounts of one person
can't shut everybody else out."""
_POLL_S = 1.0
_ROW_EVERY_S = 5.0
"""Seconds between looks at the row when nothing was told: Valkey may have lost the news."""

# Entries are scored by when they end anyway, so that those of a killed process go by themselves.
_ENTER = """
redis.call('zremrangebyscore', KEYS[1], '-inf', ARGV[1])
if redis.call('zcard', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
redis.call('zadd', KEYS[1], ARGV[2], ARGV[3])
redis.call('expire', KEYS[1], ARGV[5])
return 1
"""


async def read_media(parts: Parts, viewer_id: UUID | None, media_id: UUID) -> MediaView:
    """Show media to who may see them, with the progress that the worker has told. Raises MediaNotFound."""
    async with parts.primary.session() as session:
        seen = await get_seen(parts, session, viewer_id, media_id)
        media = seen.media
        parts_of_film: list[WantedPart] = []
        elapsed_s = 0.0
        if media.status is MediaStatus.PLAYABLE and media.pieces_number is not None:
            parts_of_film = await pieces.list_parts(session, media_id, media.pieces_number)
            elapsed_s = await pieces.find_elapsed(session, media_id, media.pieces_number)
        captions = await caption_rows.list_captions(session, media_id) if media.status.is_playable else ()
    if media.status in (MediaStatus.PROCESSING, MediaStatus.PLAYABLE):
        live = await find_live(parts.valkey, media_id)
        if live is not None and live.status is media.status:
            media = replace(media, progress=max(media.progress, live.progress))
    told = await find_told_pieces(parts.valkey, media_id) if parts_of_film else {}
    return view_media(
        media,
        parts.media_urls,
        is_owner=seen.is_owner,
        may_fetch=seen.may_fetch,
        alt_text=seen.alt_text,
        captions=captions,
        eta_s=estimate_rest(parts_of_film, told, elapsed_s),
        renditions=list_renditions(parts_of_film, told),
    )


async def watch_media(parts: Parts, viewer_id: UUID | None, media_id: UUID) -> AsyncIterator[MediaView | None]:
    """Yield media whenever their state or progress changed, and None about once a second otherwise.

    Ends with a final state, or after ten minutes. Raises MediaNotFound once they are erased or hidden.
    """
    shown = await read_media(parts, viewer_id, media_id)
    yield shown
    ends_at = time.monotonic() + STREAM_LIFETIME_S
    looked_at = time.monotonic()
    while not shown.status.is_final and time.monotonic() < ends_at:
        await asyncio.sleep(_POLL_S)
        live = await find_live(parts.valkey, media_id)
        news = live is not None and (live.status is not shown.status or live.progress > shown.progress)
        if not news and time.monotonic() - looked_at < _ROW_EVERY_S:
            yield None
            continue
        now = await read_media(parts, viewer_id, media_id)
        looked_at = time.monotonic()
        changed = now.status is not shown.status or now.progress > shown.progress
        shown = now
        yield shown if changed else None


class _Open:
    streams = 0


class StreamSlots:
    """Bounds the streams of one account, or one address, over all processes, and all of this process."""

    def __init__(self, parts: Parts, subject: str, stream_id: str) -> None:
        self._valkey = parts.valkey
        self._key = f"media:streams:{subject}"
        self._stream_id = stream_id
        self._runs = False

    async def enter(self) -> None:
        """Take a place. Raises TooMany when there is none; without Valkey only the process's own bound holds."""
        if _Open.streams >= STREAMS_A_PROCESS:
            raise TooMany(
                "Very many people follow their files right now. Reload the page to see how far yours are.",
                code="too_many_streams",
                retry_after_s=10,
            )
        now = time.time()
        try:
            entered = await self._valkey.client.eval(
                _ENTER,
                1,
                self._key,
                str(now),
                str(now + STREAM_LIFETIME_S + 30),
                self._stream_id,
                str(STREAMS_MAX),
                str(STREAM_LIFETIME_S + 60),
            )
        except (RedisError, OSError) as error:
            log.warning("streams_not_counted", error=repr(error))
            return
        if not entered:
            raise TooMany(
                f"You follow {STREAMS_MAX} files already. Close some of the pages first.",
                code="too_many_streams",
                retry_after_s=10,
            )

    def begin(self) -> None:
        """Count the stream as one of this process. One that was refused or given up before never begins, nor leaves."""
        self._runs = True
        _Open.streams += 1

    async def leave(self) -> None:
        """Give the place back."""
        if self._runs:
            self._runs = False
            _Open.streams -= 1
        try:
            await self._valkey.client.zrem(self._key, self._stream_id)
        except (RedisError, OSError) as error:
            log.warning("streams_not_counted", error=repr(error))
