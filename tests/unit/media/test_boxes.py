"""Where things lie in files of the MP4 family: found with few looks, never outside, and always ended."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.media.boxes import BOXES_MAX, HEAD_BYTES, INDEX_MAX_BYTES, Layout, NotBoxes, walk_boxes
from ments.media.byte_ranges import Range

FTYP = b"ftypisom"


def box(kind: bytes, length: int) -> bytes:
    """A box of `length` bytes of content."""
    return struct.pack(">I4s", 8 + length, kind) + bytes(length)


def long_box(kind: bytes, length: int) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + length) + bytes(length)


def walk(data: bytes, size: int | None = None) -> tuple[Layout, list[Range]]:
    """The layout of a file that begins with `data` and goes on with zeros, and what was looked at."""
    size = len(data) if size is None else size
    seen: list[Range] = []
    going = walk_boxes(size)
    answer = None
    while True:
        try:
            start, end = going.send(answer)  # type: ignore[arg-type]  # the first one is None, as generators want it
        except StopIteration as found:
            return found.value, seen
        assert 0 <= start < end <= size
        assert end - start <= HEAD_BYTES
        seen.append((start, end))
        assert len(seen) <= BOXES_MAX
        answer = data[start:end].ljust(end - start, b"\0")


def test_an_index_in_front() -> None:
    data = box(b"ftyp", 24) + box(b"moov", 500) + box(b"free", 8) + box(b"mdat", 90_000)
    layout, seen = walk(data)
    assert (layout.index, layout.media) == ((32, 540), (564, len(data)))
    assert layout.around == ((0, 8), (32, 40), (540, 548), (556, 564), (0, 32), (32, 540))
    assert seen == [(0, HEAD_BYTES)]


def test_an_index_at_the_end_after_more_than_4_gib() -> None:
    media = 5 * 1024**3
    front = box(b"ftyp", 8) + struct.pack(">I4sQ", 1, b"mdat", 16 + media)
    at = len(front) + media
    walking = walk_boxes(at + 508)
    assert next(walking) == (0, HEAD_BYTES)
    assert walking.send(front.ljust(HEAD_BYTES, b"\0")) == (at, at + 508)
    with pytest.raises(StopIteration) as done:
        walking.send(box(b"moov", 500))
    assert (done.value.value.index, done.value.value.media) == ((at, at + 508), (len(front), at))


def test_the_last_box_may_go_on_to_the_end() -> None:
    data = box(b"ftyp", 8) + box(b"moov", 8) + struct.pack(">I4s", 0, b"mdat")
    assert walk(data + bytes(100))[0].media == (len(data), len(data) + 100)


def test_pictures_that_were_cut_off() -> None:
    data = box(b"ftyp", 8) + long_box(b"moov", 8) + box(b"mdat", 1000)
    layout, _ = walk(data[:-400])
    assert layout.media[1] == len(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x1aE\xdf\xa3" + bytes(60), "it begins with"),
        (b"", "0 indices"),
        (box(b"ftyp", 8), "0 indices"),
        (box(b"ftyp", 8) + box(b"moov", 8), "0 times media"),
        (box(b"ftyp", 8) + box(b"moov", 8) * 2 + box(b"mdat", 9), "2 indices"),
        (box(b"ftyp", 8) + box(b"moov", 8) + box(b"moof", 8) + box(b"mdat", 9), "spread over the file"),
        (box(b"ftyp", 8) + box(b"mdat", 8) + box(b"moov", 100)[:-50], "it ends within b'moov'"),
        (box(b"ftyp", 8) + box(b"moov", INDEX_MAX_BYTES) + box(b"mdat", 9), "b'moov' has"),
        (box(b"ftyp", 8) + box(b"moov", 8) + box(b"uuid", 2_000_000) + box(b"mdat", 9), "b'uuid' has"),
        (box(b"ftyp", 8) + struct.pack(">I4s", 7, b"mdat"), "a box of 7 bytes at 16"),
        (box(b"ftyp", 8) + struct.pack(">I4sQ", 1, b"mdat", 15), "a box of 15 bytes at 16"),
        (box(b"ftyp", 8) + struct.pack(">I4s", 1, b"mdat"), "a long box at 16 without its length"),
        (box(b"ftyp", 8) + b"\0\0\0", "3 bytes at 16 are no box"),
        (box(b"ftyp", 8) + box(b"free", 0) * BOXES_MAX, "more than 64 boxes"),
    ],
    ids=[
        "matroska", "empty", "no-index", "no-media", "two-indices", "fragments", "index-cut-off", "index-too-large",
        "much-else", "too-short", "too-short-long", "no-long-length", "rest", "too-many",
    ],
)  # fmt: skip
def test_what_is_fetched_whole(data: bytes, words: str) -> None:
    with pytest.raises(NotBoxes, match=words):
        walk(data)


def test_a_file_that_became_shorter() -> None:
    walking = walk_boxes(1000)
    next(walking)
    with pytest.raises(NotBoxes, match="shorter than it was"):
        walking.send(b"")


BOXES = st.builds(
    lambda length, kind, large: struct.pack(">I4s", length, kind) + (struct.pack(">Q", large) if length == 1 else b""),
    st.one_of(st.integers(0, 40), st.integers(0, 2**32 - 1)),
    st.sampled_from([b"ftyp", b"moov", b"mdat", b"free", b"moof", b"uuid"]),
    st.one_of(st.integers(0, 100), st.integers(0, 2**64 - 1)),
)


@given(st.lists(st.one_of(BOXES, st.binary(max_size=40)), max_size=20), st.integers(0, 2**40))
def test_whatever_it_is_it_ends_and_reads_nothing_outside(boxes: list[bytes], more: int) -> None:
    data = b"ftyp".join([b"\0\0\0\x08", b"".join(boxes)])
    size = len(data) + more
    try:
        layout, _ = walk(data, size)
    except NotBoxes:
        return
    for start, end in (layout.index, *layout.around):
        assert 0 <= start < end <= size
    assert 0 <= layout.media[0] < layout.media[1]
