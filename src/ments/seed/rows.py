"""Rows as COPY takes them: binary where there are only ids and times, text where there are words. Pure, but for numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ments.seed.plan import Numbers

BINARY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
BINARY_END = b"\xff\xff"
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
ACCOUNT, POST = 1, 2
_TOPICS = [
    "pricing",
    "churn",
    "hiring",
    "runway",
    "demo",
    "onboarding",
    "pitch",
    "retention",
    "growth",
    "design",
    "support",
    "launch",
    "waitlist",
    "fundraising",
    "customers",
    "roadmap",
    "pivot",
    "burnrate",
    "seo",
    "ads",
    "newsletter",
    "interviews",
    "cofounder",
    "equity",
    "security",
    "infra",
    "latency",
    "mvp",
]
_OPENINGS = (
    "Shipped the first cut of",
    "Three things we learnt about",
    "Does anybody else struggle with",
    "A small win today:",
    "Ask me anything about",
    "We were wrong about",
    "Looking for help with",
    "Half a year of work on",
)
_CLOSINGS = (
    "More tomorrow.",
    "What would you do?",
    "Numbers in the replies.",
    "It took longer than I thought.",
    "Thanks to everybody who tried it.",
    "Happy to share the template.",
)
_FIRST_NAMES = [
    "Ada",
    "Bela",
    "Cleo",
    "Dina",
    "Emil",
    "Fred",
    "Gus",
    "Hana",
    "Ines",
    "Jona",
    "Kira",
    "Lars",
    "Mara",
    "Nils",
    "Olga",
    "Pia",
    "Quin",
    "Rosa",
    "Sven",
    "Tove",
]
_LAST_NAMES = [
    "Adler",
    "Blum",
    "Costa",
    "Duran",
    "Evers",
    "Falk",
    "Gold",
    "Hoff",
    "Iversen",
    "Jung",
    "Kern",
    "Lind",
    "Moss",
    "Nagy",
    "Oster",
    "Park",
    "Quist",
    "Rau",
    "Stein",
    "Toth",
]


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


def pair_rows(first: NDArray[np.void], second: NDArray[np.void], at: datetime) -> bytes:
    """Rows of two ids and a time, in binary, without head and end. Times fall a microsecond a row, so that lists have an order."""
    rows = np.empty(len(first), dtype=_PAIR)
    rows["fields"], rows["first_bytes"], rows["second_bytes"], rows["at_bytes"] = 3, 16, 16, 8
    rows["first"], rows["second"] = first, second
    rows["at"] = (at - _EPOCH) // timedelta(microseconds=1) - np.arange(len(first))
    return rows.tobytes()


def account_rows(place: int, numbers: Numbers, followers: Numbers, following: Numbers) -> Iterator[Sequence[object]]:
    """(id, username, email, full_name, headline, followers, following)."""
    ids = make_uuids(ACCOUNT, place, numbers)
    for number, id_, known_by, knows in zip(numbers.tolist(), ids, followers.tolist(), following.tolist(), strict=True):
        name = username(place >> 32, number)
        yield (
            id_,
            name,
            f"{name}@seed.invalid",
            f"{_FIRST_NAMES[number % 20]} {_LAST_NAMES[number // 20 % 20]}",
            f"Founder, {_TOPICS[number % len(_TOPICS)]}",
            known_by,
            knows,
        )


def username(seed: int, number: int) -> str:
    """The name of a made-up account."""
    return f"seed{seed}_{number}"


def words(number: int) -> tuple[str, str | None]:
    """The words of a post, and its hashtag if it has one: of every third. Tags are as uneven as real ones."""
    mixed = number * 2_654_435_761 % 2**32
    topic = _TOPICS[(mixed % 1_009) * (mixed // 1_009 % 997) * len(_TOPICS) // (1_009 * 997)]
    tag = topic if mixed % 3 == 0 else None
    said = f"{_OPENINGS[mixed // 7 % 8]} {topic}, part {number % 997}. {_CLOSINGS[mixed // 61 % 6]}"
    return (f"{said} #{tag}" if tag else said), tag
