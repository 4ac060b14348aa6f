"""The boxes that a file of the MP4 family consists of (ISO/IEC 14496-12): where its index lies, and its pictures. Pure.

It serves to fetch parts of a file, not to read it: whatever is odd is refused, and the file is fetched whole.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from ments.media.byte_ranges import Range

INDEX_MAX_BYTES = 64 * 1024 * 1024
"""Twelve hours of a film with its sound; a larger one is not worth two requests."""

BOXES_MAX = 64
HEAD_BYTES = 64 * 1024
"""What is read at once: most files' first boxes lie in it."""

_OTHER_MAX_BYTES = 1024 * 1024
_FIRST = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_EMPTY = (b"free", b"skip", b"wide")
_FRAGMENTED = (b"moof", b"sidx", b"ssix", b"styp", b"mfra", b"prft", b"emsg")


class NotBoxes(ValueError):
    """No such file, or one of which parts are of no use; the text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Box:
    """`kind` four bytes; it begins at `start`, its content at `body`, and it ends before `end`, all from the file's start."""

    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie in a file.

    index   what tells of every packet where it lies and when it is shown
    media   the first of the packets; it may end past the file's end, when that was cut off
    around  all else but empty space: to be fetched before the file is read
    """

    index: Range
    media: Range
    around: tuple[Range, ...]


def read_box(head: bytes, at: int, size: int) -> Box:
    """The box that begins at `at`; `head` are the bytes from there on, at least 16 unless the file of `size` bytes ends.

    Raises NotBoxes.
    """
    if len(head) < 8:
        raise NotBoxes(f"{len(head)} bytes at {at} are no box")
    length, body = int.from_bytes(head[:4], "big"), 8
    if length == 1:
        if len(head) < 16:
            raise NotBoxes(f"a long box at {at} without its length")
        length, body = int.from_bytes(head[8:16], "big"), 16
    elif length == 0:
        length = size - at  # until the file's end
    if length < body:
        raise NotBoxes(f"a box of {length} bytes at {at}")
    return Box(head[4:8], at, at + body, at + length)


def walk_boxes(size: int) -> Generator[Range, bytes, Layout]:
    """Find the layout of a file of `size` bytes. Yields the ranges that it has to see, and is sent their bytes.

    Ranges lie within the file, and are at most HEAD_BYTES long and BOXES_MAX many. Raises NotBoxes.
    """
    boxes: list[Box] = []
    at, held_at, held = 0, 0, b""
    while at < size:
        if len(boxes) == BOXES_MAX:
            raise NotBoxes(f"more than {BOXES_MAX} boxes")
        wanted_end = min(size, at + 16)
        if not (held_at <= at and wanted_end <= held_at + len(held)):
            held_at = at
            held = yield (at, min(size, at + HEAD_BYTES))
            if len(held) < wanted_end - at:
                raise NotBoxes("the file is shorter than it was")
        box = read_box(held[at - held_at : at - held_at + 16], at, size)
        if not boxes and box.kind not in _FIRST:
            raise NotBoxes(f"it begins with {box.kind!r}")
        boxes.append(box)
        at = box.end
    return _lay_out(boxes, size)


def _lay_out(boxes: list[Box], size: int) -> Layout:
    indices = [box for box in boxes if box.kind == b"moov"]
    media = [box for box in boxes if box.kind == b"mdat" and box.end > box.body]
    if any(box.kind in _FRAGMENTED for box in boxes):
        raise NotBoxes("its index is spread over the file")
    if len(indices) != 1 or not media:
        raise NotBoxes(f"{len(indices)} indices, {len(media)} times media")
    around = [box for box in boxes if box.kind != b"mdat" and box.kind not in _EMPTY]
    for box in around:
        if box.end > size:
            raise NotBoxes(f"it ends within {box.kind!r}")
        if box.end - box.start > (INDEX_MAX_BYTES if box.kind == b"moov" else _OTHER_MAX_BYTES):
            raise NotBoxes(f"{box.kind!r} has {box.end - box.start} bytes")
    heads = [(box.start, min(box.body, size)) for box in boxes]
    wholes = [(box.start, box.end) for box in around]
    return Layout((indices[0].start, indices[0].end), (media[0].body, media[0].end), (*heads, *wholes))
