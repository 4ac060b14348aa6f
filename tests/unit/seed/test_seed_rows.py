"""Rows in COPY's binary format, read back field by field."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.seed import binary, rows, words


def fields_of(raw: bytes) -> list[list[bytes | None]]:
    """Rows as the server reads them."""
    found: list[list[bytes | None]] = []
    at = 0

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(raw[at - size : at], "big", signed=True)

    while at < len(raw):
        row: list[bytes | None] = []
        for _ in range(number(2)):
            length = number(4)
            row.append(None if length < 0 else raw[at : at + length])
            at += max(0, length)
        found.append(row)
    return found


@given(st.lists(st.tuples(st.text(), st.text(), st.integers(0, 2**62), st.booleans()), min_size=1, max_size=20))
def test_what_is_laid_out_is_what_is_read(given_rows: list[tuple[str, str, int, bool]]) -> None:
    numbers = np.array([row[2] for row in given_rows])
    pieces = [binary.table([row[n] for row in given_rows]) for n in (0, 1)]  # type: ignore[misc]
    is_null = np.array([row[3] for row in given_rows])
    raw = binary.join(
        binary.text(*pieces),
        binary.fixed(numbers.astype(">i8")),
        binary.fixed_or_null(numbers.astype(">i8"), is_null),
        binary.text(binary.digits(numbers)),
    )
    assert fields_of(raw) == [
        [(a + b).encode(), n.to_bytes(8, "big"), None if null else n.to_bytes(8, "big"), str(n).encode()]
        for a, b, n, null in given_rows
    ]


def test_accounts() -> None:
    place, numbers = 3 << 32 | 77, np.array([0, 9, 10, 421, 999_999])
    found = fields_of(rows.account_rows(place, numbers, numbers * 2, numbers * 3))
    for number, id_, row in zip(numbers.tolist(), rows.make_uuids(rows.ACCOUNT, place, numbers), found, strict=True):
        name = words.username(3, number)
        assert row[:3] == [id_.bytes, name.encode(), f"{name}@seed.invalid".encode()]
        assert row[5:] == [(number * 2).to_bytes(4, "big"), (number * 3).to_bytes(4, "big")]
    assert [row[3] for row in found] == [b"Ada Adler", b"Jona Adler", b"Kira Adler", b"Bela Blum", b"Tove Toth"]
    assert found[1][4] == b"Founder, design"


@pytest.mark.parametrize("count_rooms", [0, 1, 12])
def test_posts_and_their_hashtags(count_rooms: int) -> None:
    rooms = [uuid4() for _ in range(count_rooms)]
    numbers = np.arange(3_000)
    posts = rows.Posts(1 << 32, numbers, numbers % 7, numbers + 1_000, numbers % 5)
    ids, authors = rows.make_uuids(rows.POST, 1 << 32, numbers), rows.make_uuids(rows.ACCOUNT, 1 << 32, numbers % 7)
    found = fields_of(rows.post_rows(posts, rooms))
    for number, row in enumerate(found):
        at = (number + 1_000).to_bytes(8, "big")
        room = rooms[number // 2 % count_rooms].bytes if count_rooms and number % 2 else None
        assert row[:3] == [ids[number].bytes, authors[number].bytes, room]
        assert row[4:] == [b"public", b"published", at, at, (number % 5).to_bytes(4, "big")]
        assert len(row[3] or b"") < 200
    raw, count = rows.hashtag_rows(posts)
    tagged = {row[2]: row for row in fields_of(raw)}
    assert len(tagged) == count
    assert 800 < count < 1_200
    for row in found:
        said = (row[3] or b"").decode()
        tag, at, _ = tagged.get(row[0], (None, None, None))
        assert said.partition(" #")[2] == (tag or b"").decode()
        assert at in (None, row[6])


def test_what_a_post_says() -> None:
    said = words.words(np.array([0, 4_711]))
    texts = [b"".join(p.raw[n, : p.lengths[n]].tobytes() for p in said.pieces).decode() for n in (0, 1)]
    assert texts == [
        "Shipped the first cut of pricing, part 0. More tomorrow. #pricing",
        "We were wrong about demo, part 723. Numbers in the replies. #demo",
    ]


def test_moments_are_microseconds_since_2000() -> None:
    assert rows.microseconds(datetime(2000, 1, 1, 0, 0, 1, 5, tzinfo=UTC)) == 1_000_005
