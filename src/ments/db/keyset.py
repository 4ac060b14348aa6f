"""Keyset paging: a page starts after a place in the order, so rows may come and go between two pages.

A place leaves as an opaque, sealed text. Pure.
"""

from __future__ import annotations

import base64
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from ments.errors import MentsError

PAGE_LIMIT = 20
PAGE_LIMIT_MAX = 50

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = struct.Struct(">q16s")
_SEAL_BYTES = 8


class BadCursor(MentsError):
    """The cursor was not given by this list."""

    code = "bad_cursor"
    status = HTTPStatus.BAD_REQUEST


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a list ordered by time and id; it need not be that of a post that still exists."""

    at: datetime
    id: UUID

    @classmethod
    def first(cls) -> Place:
        """Before every entry of a list that goes forward in time."""
        return _FIRST

    @classmethod
    def last(cls) -> Place:
        """After every entry: where a list that goes back in time begins."""
        return _LAST


_FIRST = Place(_EPOCH, UUID(int=0))
_LAST = Place(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))


def encode_cursor(secret: str, kind: str, place: Place) -> str:
    """Write a place as an opaque, sealed text of URL-safe characters.

    secret  a derived key of the deployment; kind  names the list, so that its cursors open no other
    """
    return seal_body(secret, kind, _KEY.pack((place.at - _EPOCH) // timedelta(microseconds=1), place.id.bytes))


def decode_cursor(secret: str, kind: str, cursor: str) -> Place:
    """Read a place back. Raises BadCursor for one that is forged, damaged or another list's."""
    micros, id_bytes = _KEY.unpack(open_body(secret, kind, cursor, _KEY.size))
    return Place(at=_EPOCH + timedelta(microseconds=micros), id=UUID(bytes=id_bytes))


def seal_body(secret: str, kind: str, body: bytes) -> str:
    """Write any place as `encode_cursor` does one by time and id: for lists in another order."""
    return base64.urlsafe_b64encode(body + _seal(secret, kind, body)).decode().rstrip("=")


def open_body(secret: str, kind: str, cursor: str, size: int) -> bytes:
    """Read the `size` bytes back that `seal_body` sealed. Raises BadCursor as `decode_cursor` does."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise BadCursor("This page link is damaged. Start again from the first page.") from error
    body, seal = raw[:size], raw[size:]
    if len(body) < size:
        raise BadCursor("This page link is damaged. Start again from the first page.")
    if not hmac.compare_digest(seal, _seal(secret, kind, body)):
        raise BadCursor("This page link belongs to another list. Start again from the first page.")
    return body


def _seal(secret: str, kind: str, body: bytes) -> bytes:
    return hmac.digest(secret.encode(), kind.encode() + b"\0" + body, "sha256")[:_SEAL_BYTES]


def clamp_limit(limit: int | None) -> int:
    """Entries on a page: PAGE_LIMIT unless asked otherwise, from 1 to PAGE_LIMIT_MAX."""
    return PAGE_LIMIT if limit is None else max(1, min(limit, PAGE_LIMIT_MAX))
