"""What a timeline is: places of posts kept ready, newest first, down to a floor; how it is written, and how several are merged. Pure.

A timeline lies in Valkey as one sorted set: a head at HEAD_SCORE, a floor, and the ids of posts (16 bytes) at the
microseconds of their place, so that equal moments are in the order of ids, as in Postgres.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ments.db.keyset import Place

TIMELINE_KEPT = 800
"""Most posts of one timeline; what is older is read from Postgres."""

PULLED_MAX = 200
"""Who follows more accounts than this whose posts are pulled reads from Postgres alone: each is a set to merge."""

HEAD_SCORE = -1
FLOOR_NAME = b"\xff" * 17
"""Stands above every id of the same moment; no id is as long."""

NOTHING_COVERED = 2**53 - 1
"""The floor of a timeline that holds no post at all, not even the newest."""

Entry = tuple[int, bytes]
"""The place of a post as it lies in a timeline: microseconds since 1970, and its id. In the order of places, and made in a tenth of the time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST_ID = bytes(16)
_FIRST_ENTRY: Entry = (0, _FIRST_ID)
_MADE = b"made:"
_MARK = b"mark:"
_NEWEST = struct.Struct("!q")


@dataclass(frozen=True, slots=True)
class Head:
    """What a timeline was made from.

    newest_follow  when its reader began to follow the last of those they follow (microseconds since 1970); 0: nobody
    pulled         those among them whose posts are not pushed into it, but merged when it is read
    """

    newest_follow: int = 0
    pulled: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of one timeline or of several, newest first: every post from `reaches` on, up to where it was asked for.

    reaches   the place of the last entry, or the first above the floor
    is_floor  there is no more to it; whatever is older is Postgres' to know, if `has_older`
    """

    entries: list[Entry]
    reaches: Entry
    is_floor: bool
    has_older: bool


def to_score(at: datetime) -> int:
    """A moment as microseconds since 1970: a double holds them exactly until the year 2255."""
    return (at - _EPOCH) // _MICROSECOND


def from_score(score: int) -> datetime:
    """The moment of a score."""
    return _EPOCH + timedelta(microseconds=score)


def write_mark(token: str) -> bytes:
    """The head of a timeline that is being made by whoever holds the token."""
    return _MARK + token.encode()


def is_mark(raw: bytes) -> bool:
    """Whether somebody is making this timeline now."""
    return raw.startswith(_MARK)


def write_head(head: Head) -> bytes:
    """Lay a head out as bytes."""
    return _MADE + _NEWEST.pack(head.newest_follow) + b"".join(account_id.bytes for account_id in head.pulled)


def read_head(raw: bytes) -> Head | None:
    """Read a head; None for what is none, or of another version."""
    body = raw.removeprefix(_MADE)
    ids = body[_NEWEST.size :]
    if not raw.startswith(_MADE) or len(body) < _NEWEST.size or len(ids) % 16:
        return None
    (newest,) = _NEWEST.unpack_from(body)
    return Head(newest, tuple(UUID(bytes=ids[start : start + 16]) for start in range(0, len(ids), 16)))


def entry_of(place: Place) -> Entry:
    """A place as it lies in a timeline."""
    return to_score(place.at), place.id.bytes


def place_of(entry: Entry) -> Place:
    """A place read back."""
    return Place(from_score(entry[0]), UUID(bytes=entry[1]))


def read_entries(pairs: Sequence[bytes]) -> list[Entry]:
    """Read entries from ids and scores in turn; what is neither is left out, as if it were not there."""
    entries = []
    for member, score in zip(pairs[::2], pairs[1::2], strict=False):
        try:
            at = int(score)
        except ValueError:
            at = _read_score(score)
        if 0 <= at < NOTHING_COVERED and len(member) == 16:
            entries.append((at, member))
    return entries


def _read_score(score: bytes) -> int:
    """A score that was not written as a whole number; -1 for none."""
    try:
        return int(float(score))
    except (ValueError, OverflowError):
        return -1


def floor_of(sorted_ats: Sequence[datetime]) -> int:
    """The score down to which these are all there is: the newest posts, one more than are kept if there are so many."""
    return to_score(sorted_ats[TIMELINE_KEPT]) if len(sorted_ats) > TIMELINE_KEPT else 0


def read_stretch(floor: int, pairs: Sequence[bytes], before: Entry, count: int) -> Stretch:
    """Read a part of one timeline from what lies there: at most `count` entries were asked for, from `before` on down.

    pairs  ids and scores, newest first; those of the moment of `before` may stand at or above it
    """
    entries = read_entries(pairs)
    wanted = entries if not entries or entries[0] < before else [entry for entry in entries if entry < before]
    if len(pairs) // 2 >= count and entries:
        return Stretch(wanted, entries[-1], False, True)
    return Stretch(wanted, (floor + 1, _FIRST_ID) if floor else _FIRST_ENTRY, True, floor > 0)


def merge_stretches(stretches: Sequence[Stretch]) -> Stretch:
    """Merge parts of several timelines: as far down as all of them reach, each post once."""
    if len(stretches) == 1:
        return stretches[0]
    highest = max(stretches, key=lambda stretch: stretch.reaches)
    entries = {entry for stretch in stretches for entry in stretch.entries if entry >= highest.reaches}
    # A floor ends the whole: what is below it in the other timelines Postgres knows, too.
    return Stretch(sorted(entries, reverse=True), highest.reaches, highest.is_floor, highest.has_older)


def wants_pull(followers: int, most: int, *, is_pulled: bool) -> bool:
    """Whether an account's posts are pulled: above `most` followers, and then until a fifth of those is gone.

    So nobody whose number of followers goes up and down at the bound has all their followers' timelines made anew.
    """
    return followers > most * 4 // 5 if is_pulled else followers > most
