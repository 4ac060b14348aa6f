"""Captions over HTTP: the file itself is the body."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from ments.accounts.model import Viewer
from ments.media import actions
from ments.media.caption_tracks import CaptionsRefused, CaptionView
from ments.parts import Parts

_JSON = "application/json"


class NewCaptions(msgspec.Struct):
    """Captions as JSON, for programs that hold them as text."""

    language: str
    text: str
    label: str = ""


@post("/api/media/{media_id:uuid}/captions", summary="Give a video captions", tags=["media"])
async def add(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    member: NamedDependency[Viewer],
    media_id: FromPath[UUID],
    language: FromQuery[str] = "",
    label: FromQuery[str] = "",
) -> CaptionView:
    """Answer 201. The body is the WebVTT or SubRip file, with `language` and `label` in the query, or JSON of all three."""
    if request.content_type[0].lower() == _JSON:
        sent = _read_json(await request.json())
        language, label, data = sent.language, sent.label, sent.text.encode()
    else:
        data = await request.body()
    return await actions.add_captions(parts, member.id, media_id, language=language, label=label, data=data)


@get("/api/media/{media_id:uuid}/captions", summary="List a video's captions", tags=["media"])
async def list_all(
    parts: NamedDependency[Parts], viewer: NamedDependency[Viewer | None], media_id: FromPath[UUID]
) -> list[CaptionView]:
    """Answer with the captions, by language, to whoever may see the video."""
    return await actions.list_captions(parts, viewer.id if viewer else None, media_id)


@delete("/api/media/{media_id:uuid}/captions/{language:str}", summary="Take a video's captions away", tags=["media"])
async def remove(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], media_id: FromPath[UUID], language: FromPath[str]
) -> None:
    """Answer 204; 404 when there are none in this language."""
    await actions.remove_captions(parts, member.id, media_id, language)


def _read_json(sent: Any) -> NewCaptions:
    try:
        return msgspec.convert(sent, NewCaptions)
    except msgspec.ValidationError:
        raise CaptionsRefused(
            "Send language, text and if you like label, each as text.",
            code="malformed_body",
            status=HTTPStatus.BAD_REQUEST,
        ) from None


ROUTES = [add, list_all, remove]
