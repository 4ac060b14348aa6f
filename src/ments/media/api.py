"""Uploads and media over HTTP, as JSON."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ments.accounts.model import Viewer
from ments.errors import Unauthenticated
from ments.media import actions
from ments.media.actions.retry import retry_media
from ments.media.captions_api import ROUTES as CAPTIONS
from ments.media.events import ROUTES as EVENTS
from ments.media.tracks import PLAYLIST_TYPE
from ments.media.view import MediaView, UploadView, view_upload
from ments.parts import Parts
from ments.storage import parse_storage_event
from ments.web.asked import asked_origin
from ments.web.cookies import bearer_token


@dataclass(frozen=True, slots=True)
class NewUpload:
    """A file that is about to be sent; `content_type` is what the browser believes and may be empty."""

    filename: str
    size: int
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class SignWanted:
    """One request to storage, in Uppy's words; `upload_id` is storage's own."""

    method: str
    upload_id: str | None = None
    part_number: int | None = None


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that arrived."""

    number: int
    etag: str


@dataclass(frozen=True, slots=True)
class Completion:
    """`parts` only when we are to join them."""

    parts: list[SentPart] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that storage will accept once; browsers add Content-Length."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


@post("/api/uploads", summary="Start an upload", tags=["uploads"], opt={"limit": "uploads"})
async def start(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    member: NamedDependency[Viewer],
    data: JSONBody[NewUpload],
) -> dict[str, Any]:
    """Answer 201 with the one PUT to send, or with the size of parts above 64 MiB."""
    started = await actions.start_upload(
        parts,
        member.id,
        filename=data.filename,
        content_type=data.content_type,
        size=data.size,
        public_base=asked_origin(request.scope),
    )
    upload = started.upload
    shown: dict[str, Any] = {"id": upload.id, "media_id": upload.media_id, "expires_at": upload.expires_at}
    if started.request is None:
        return {**shown, "part_size": upload.part_size}
    put = started.request
    return {**shown, "method": put.method, "url": put.url, "headers": dict(put.headers)}


@get("/api/uploads/{upload_id:uuid}", summary="Look at an upload", tags=["uploads"])
async def read_upload(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], upload_id: FromPath[UUID]
) -> UploadView:
    """Answer with one of the account's own uploads."""
    return view_upload(await actions.read_upload(parts, member.id, upload_id))


@delete("/api/uploads/{upload_id:uuid}", summary="Cancel an upload", tags=["uploads"])
async def abort(parts: NamedDependency[Parts], member: NamedDependency[Viewer], upload_id: FromPath[UUID]) -> None:
    """Answer 204, also when it was cancelled before."""
    await actions.abort_upload(parts, member.id, upload_id)


@post(
    "/api/uploads/{upload_id:uuid}/sign",
    status_code=200,
    summary="Sign one request to storage",
    tags=["uploads"],
    opt={"limit": "signs"},
)
async def sign(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    member: NamedDependency[Viewer],
    upload_id: FromPath[UUID],
    data: JSONBody[SignWanted],
) -> Signed:
    """Answer with a request for this upload's own object."""
    signed = await actions.sign_request(
        parts,
        member.id,
        upload_id,
        method=data.method.upper(),
        part_upload_id=data.upload_id or None,
        part_number=data.part_number,
        public_base=asked_origin(request.scope),
    )
    return Signed(signed.method, signed.url, dict(signed.headers), signed.expires_at)


@post("/api/uploads/{upload_id:uuid}/complete", status_code=202, summary="Complete an upload", tags=["uploads"])
async def complete(
    parts: NamedDependency[Parts],
    member: NamedDependency[Viewer],
    upload_id: FromPath[UUID],
    data: JSONBody[Completion | None] = None,
) -> dict[str, UUID]:
    """Answer 202 with the media's id; again the same."""
    sent = [(part.number, part.etag) for part in data.parts] if data and data.parts else None
    return {"media_id": await actions.complete_upload(parts, member.id, upload_id, sent)}


@post("/api/webhooks/storage", status_code=204, summary="Storage tells of new objects", tags=["uploads"])
async def storage_event(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> None:
    """Answer 204 also for objects that are none of our uploads; 401 to anybody but storage."""
    expected = parts.settings.secret_for("storage-webhook")
    if not hmac.compare_digest((bearer_token(request.scope) or "").encode(), expected.encode()):
        raise Unauthenticated("Only storage may send these.", headers={"WWW-Authenticate": "Bearer"})
    for created in parse_storage_event(await request.body(), parts.settings.s3_bucket):
        await actions.complete_from_storage(parts, created)


@get("/api/media/{media_id:uuid}", summary="Look at media", tags=["media"])
async def read(
    parts: NamedDependency[Parts], viewer: NamedDependency[Viewer | None], media_id: FromPath[UUID]
) -> Response[MediaView]:
    """Answer with the media to their owner, and to everybody once a public post holds them."""
    shown = await actions.read_media(parts, viewer.id if viewer else None, media_id)
    return Response(shown, status_code=HTTPStatus.OK)


@post(
    "/api/media/{media_id:uuid}/retry",
    status_code=202,
    summary="Prepare failed media once more",
    tags=["media"],
    opt={"limit": "uploads"},
)
async def retry(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], media_id: FromPath[UUID]
) -> dict[str, UUID]:
    """Answer 202, also when they are under way again; 409 when the file itself is the cause."""
    await retry_media(parts, member.id, media_id)
    return {"media_id": media_id}


_PLAYLIST = {"Cache-Control": "no-store"}


@get("/api/media/{media_id:uuid}/playlist.m3u8", summary="Play a film that is not ready", tags=["media"])
async def read_playlist(
    parts: NamedDependency[Parts], viewer: NamedDependency[Viewer | None], media_id: FromPath[UUID]
) -> Response[str]:
    """Answer with the sizes that can be played by now; once the film is ready, 302 to its playlists for good."""
    found = await actions.find_film(parts, viewer.id if viewer else None, media_id)
    if found.moved_to:
        return Response("", status_code=HTTPStatus.FOUND, headers={**_PLAYLIST, "Location": found.moved_to})
    return Response(actions.show_master(found), media_type=PLAYLIST_TYPE, headers=_PLAYLIST)


@get("/api/media/{media_id:uuid}/playlists/{file:str}", summary="Play one size of a film", tags=["media"])
async def read_line(
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    media_id: FromPath[UUID],
    file: FromPath[str],
) -> Response[str]:
    """Answer with the segments that are stored by now of `v240.m3u8`, or of the sound; it ends with the last one."""
    found = await actions.find_film(parts, viewer.id if viewer else None, media_id)
    text = actions.show_line(parts, found, file.removesuffix(".m3u8"))
    return Response(text, media_type=PLAYLIST_TYPE, headers=_PLAYLIST)


ROUTES = [
    read_playlist,
    read_line,
    start,
    read_upload,
    abort,
    sign,
    complete,
    storage_event,
    read,
    retry,
    *CAPTIONS,
    *EVENTS,
]
