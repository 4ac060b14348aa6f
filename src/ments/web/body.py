"""Request bodies: bounded in size and in depth, JSON where JSON is expected."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from litestar import Request
from litestar.datastructures import State

from ments.errors import MentsError

BODY_MAX_BYTES = 1024 * 1024
DEPTH_MAX = 32
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)


class MalformedBody(MentsError):
    """The body cannot be read as what it says it is."""

    code = "malformed_body"
    status = HTTPStatus.BAD_REQUEST


class UnsupportedBody(MentsError):
    """The body's Content-Type is not one that this address takes."""

    code = "unsupported_media_type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


def is_too_deep(body: bytes, most: int = DEPTH_MAX) -> bool:
    """Say whether JSON nests more than `most` arrays and objects in one another. Pure; linear in the body."""
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    depth = 0
    for byte in _STRING.sub(b"", body):
        if byte in b"[{":
            depth += 1
            if depth > most:
                return True
        elif byte in b"]}":
            depth -= 1
    return False


class BoundedRequest(Request[Any, Any, State]):
    """The request that handlers get: its JSON has been checked before it is decoded."""

    async def json(self) -> Any:
        """Decode the body; raises UnsupportedBody or MalformedBody."""
        content_type = self.content_type[0].lower()
        if content_type and content_type != "application/json" and not content_type.endswith("+json"):
            raise UnsupportedBody("Send the body as JSON, with Content-Type: application/json.")
        body = await self.body()
        if is_too_deep(body):
            raise MalformedBody(f"The JSON nests deeper than {DEPTH_MAX} levels.", code="nested_too_deeply")
        if _NUL.search(body):
            raise MalformedBody("The JSON holds a NUL character, which no text here may contain.")
        return await super().json()
