"""Where a page of the ranked feed goes on: at a place of one ranking, or at a moment once that is at its end. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from uuid import UUID

from ments.db.keyset import BadCursor, Place, open_body, seal_body

_KIND = "feed:for_you"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A kind; then a ranking and a place in it, or a moment and a post, with the list of what was trending.
_KEY = struct.Struct(">b16sqq")
_RANKED = 0


class InTime(IntEnum):
    """Which posts of all, by time. BLENDED: those that trend come when they began to. UNSEEN: what a ranking left over."""

    BLENDED = 1
    UNSEEN = 2
    ALL = 3


@dataclass(frozen=True, slots=True)
class RankedPlace:
    """After so many posts of a ranking."""

    ranking_id: UUID
    after: int


@dataclass(frozen=True, slots=True)
class TimedPlace:
    """Before a place in time. `run_id`: the list of what was trending that the first page was blended with, 0 without."""

    which: InTime
    before: Place
    run_id: int = 0


def encode_rank_cursor(secret: str, place: RankedPlace | TimedPlace) -> str:
    """Write a place as an opaque text."""
    if isinstance(place, RankedPlace):
        return seal_body(secret, _KIND, _KEY.pack(_RANKED, place.ranking_id.bytes, place.after, 0))
    micros = (place.before.at - _EPOCH) // timedelta(microseconds=1)
    return seal_body(secret, _KIND, _KEY.pack(place.which, place.before.id.bytes, micros, place.run_id))


def decode_rank_cursor(secret: str, cursor: str) -> RankedPlace | TimedPlace:
    """Read it back. Raises BadCursor for one that is forged, damaged or another list's."""
    kind, id_bytes, number, run_id = _KEY.unpack(open_body(secret, _KIND, cursor, _KEY.size))
    if kind == _RANKED:
        return RankedPlace(UUID(bytes=id_bytes), number)
    try:
        which = InTime(kind)
    except ValueError as error:
        raise BadCursor("This page link is of another version. Start again from the first page.") from error
    return TimedPlace(which, Place(_EPOCH + timedelta(microseconds=number), UUID(bytes=id_bytes)), run_id)
