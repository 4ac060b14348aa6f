"""Media followed live: server-sent events of state and progress."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from ments.accounts.model import Viewer
from ments.media import actions
from ments.media.actions.watch import StreamSlots
from ments.media.model import MediaNotFound
from ments.parts import Parts
from ments.web.asked import client_address

_HEARTBEAT_EVERY = 10
"""Quiet seconds after which a comment line keeps the connection open through proxies."""


@get("/api/media/{media_id:uuid}/events", summary="Follow media", tags=["media"])
async def follow(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    media_id: FromPath[UUID],
) -> Stream:
    """Send an event `media` at once and at each change, and `end` with the last one; a bounded number a viewer."""
    viewer_id = viewer.id if viewer else None
    await actions.read_media(parts, viewer_id, media_id)
    slots = StreamSlots(parts, str(viewer_id or client_address(request.scope)), uuid4().hex)
    await slots.enter()
    return Stream(
        stream_lines(parts, viewer_id, media_id, slots),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def stream_lines(
    parts: Parts, viewer_id: UUID | None, media_id: UUID, slots: StreamSlots
) -> AsyncGenerator[bytes, None]:
    """Yield the stream's text; the place in `slots`, taken before, is given back at its end."""
    quiet = 0
    slots.begin()
    try:
        yield b"retry: 3000\n\n"
        async for shown in actions.watch_media(parts, viewer_id, media_id):
            quiet = quiet + 1 if shown is None else 0
            if shown is not None:
                yield b"event: media\ndata: " + msgspec.json.encode(shown) + b"\n\n"
                if shown.status.is_final:
                    yield b"event: end\ndata: {}\n\n"
            elif quiet % _HEARTBEAT_EVERY == 0:
                yield b": still here\n\n"
    except MediaNotFound:
        yield b"event: end\ndata: {}\n\n"
    finally:
        await slots.leave()


ROUTES = [follow]
