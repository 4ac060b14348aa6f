"""Rows as COPY takes them, of a plan's accounts, posts, hashtags and pairs. Pure, but for numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ments.seed import binary, words
from ments.seed.plan import Numbers

ACCOUNT, POST = 1, 2
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_PAIR = np.dtype(
    [
        ("fields", ">i2"),
        ("first_bytes", ">i4"),
        ("first", "V16"),
        ("second_bytes", ">i4"),
        ("second", "V16"),
        ("at_bytes", ">i4"),
        ("at", ">i8"),
    ]
)
_ID = np.dtype([("kind", "u1"), ("seed", ">u2"), ("number", ">u4"), ("salt", ">u8"), ("end", "u1")])


def make_ids(kind: int, place: int, numbers: Numbers) -> NDArray[np.void]:
    """The ids of accounts or posts, 16 bytes each: version 8 (RFC 9562), nearly ascending by number, which indexes like.

    place  SeedPlan.place
    """
    rows = np.zeros(len(numbers), dtype=_ID)
    rows["kind"], rows["seed"], rows["number"] = 0xA0 | kind, place >> 32, numbers
    salted = (numbers.astype(np.uint64) + np.uint64(place * 4 + kind)) * np.uint64(0x9E3779B97F4A7C15)
    rows["salt"] = salted ^ (salted >> np.uint64(29))
    raw = rows.view("u1").reshape(len(numbers), _ID.itemsize).copy()
    raw[:, 6] = 0x80 | (raw[:, 6] & 0x0F)
    raw[:, 8] = 0x80 | (raw[:, 8] & 0x3F)
    # What version and variant took of the number stands at the end.
    raw[:, 15] = rows["number"].astype(np.uint64) & np.uint64(0xFF)
    return np.ascontiguousarray(raw).view("V16").reshape(-1)


def make_uuids(kind: int, place: int, numbers: Numbers) -> list[UUID]:
    """The same, as Python has them."""
    return [UUID(bytes=bytes(one)) for one in make_ids(kind, place, numbers)]


def microseconds(at: datetime) -> int:
    """A moment as the binary format has it: microseconds since 2000."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def pair_rows(first: NDArray[np.void], second: NDArray[np.void], at: datetime) -> bytes:
    """Rows of two ids and a time. Times fall a microsecond a row, so that lists have an order."""
    rows = np.empty(len(first), dtype=_PAIR)
    rows["fields"], rows["first_bytes"], rows["second_bytes"], rows["at_bytes"] = 3, 16, 16, 8
    rows["first"], rows["second"] = first, second
    rows["at"] = microseconds(at) - np.arange(len(first))
    return rows.tobytes()


def account_rows(place: int, numbers: Numbers, followers: Numbers, following: Numbers) -> bytes:
    """(id, username, email, full_name, headline, followers, following)."""
    ids = make_ids(ACCOUNT, place, numbers)
    # The names of words.username.
    start = binary.pick(binary.table([words.username(place >> 32, 0)[:-1]]), np.zeros_like(numbers))
    name = (start, binary.digits(numbers))
    host = binary.pick(binary.table(["@seed.invalid"]), np.zeros_like(numbers))
    return binary.join(
        binary.fixed(ids),
        binary.text(*name),
        binary.text(*name, host),
        binary.text(words.full_names(numbers)),
        binary.text(words.headlines(numbers)),
        binary.fixed(followers.astype(">i4")),
        binary.fixed(following.astype(">i4")),
    )


@dataclass(frozen=True)
class Posts:
    """Posts of a plan: their numbers, who wrote them, when (microseconds since 2000), and how many like them."""

    place: int
    numbers: Numbers
    authors: Numbers
    at: Numbers
    likes: Numbers


def post_rows(posts: Posts, rooms: Sequence[UUID]) -> bytes:
    """(id, account_id, environment_id, content, visibility, status, sorted_at, created_at, likes): every second is in a room."""
    count = len(posts.numbers)
    known = np.frombuffer(b"".join(room.bytes for room in rooms) or bytes(16), dtype="V16")
    is_outside = (posts.numbers % 2 == 0) | (len(rooms) == 0)
    at = binary.fixed(posts.at.astype(">i8"))
    return binary.join(
        binary.fixed(make_ids(POST, posts.place, posts.numbers)),
        binary.fixed(make_ids(ACCOUNT, posts.place, posts.authors)),
        binary.fixed_or_null(known[posts.numbers // 2 % len(known)], is_outside),
        binary.text(*words.words(posts.numbers).pieces),
        binary.same_text("public", count),
        binary.same_text("published", count),
        at,
        at,
        binary.fixed(posts.likes.astype(">i4")),
    )


def hashtag_rows(posts: Posts) -> tuple[bytes, int]:
    """(tag, sorted_at, post_id), and how many rows these are."""
    tags = words.words(posts.numbers).tags
    has_tag = tags >= 0
    found = binary.join(
        binary.text(words.tag_names(tags[has_tag])),
        binary.fixed(posts.at[has_tag].astype(">i8")),
        binary.fixed(make_ids(POST, posts.place, posts.numbers[has_tag])),
    )
    return found, int(has_tag.sum())
