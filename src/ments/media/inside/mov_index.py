"""The packets of an MP4 by its index alone: an hour of them in a fifth of the time that reading them takes.

The demuxer keeps where and when each packet is decoded; when it is shown it adds from a table (`ctts`) that is read here
once more. What comes of it is compared with the first seconds and the last packets as the demuxer gives them, and dropped
when anything is not the same.

Keyframes are those that the index names. The demuxer looks into packets for it, so that an index that lies is found out
by the first seconds; one that lies only later is believed.
"""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain, repeat
from operator import add
from pathlib import Path
from typing import Any

_INDEX_MAX_BYTES = 64 * 1024 * 1024
_BOXES_MAX = 256
_PACKETS_MAX = 4_000_000
_TAIL = 300


class NoIndex(Exception):
    """The packets have to be read themselves; the text says why."""


class Track:
    """One stream's packets in the order of decoding; times in ticks of `num` / `den` s."""

    def __init__(self, stream: Any, sizes: list[int] | None, offsets: array[int] | None) -> None:
        self.num: int = stream.time_base.numerator
        self.den: int = stream.time_base.denominator
        entries = list(stream.index_entries)
        self.dts: list[int] = [entry.timestamp for entry in entries]
        self.sizes: list[int] = [entry.size for entry in entries]
        self.places: list[int] = [entry.pos for entry in entries]
        self.keys: list[bool] = [entry.is_keyframe for entry in entries]
        self.discards: list[bool] = [entry.is_discard for entry in entries]
        if not self.dts or len(self.dts) > _PACKETS_MAX or min(self.sizes) <= 0:
            raise NoIndex("an empty index, or empty packets")
        if sizes is not None and sizes != self.sizes:
            raise NoIndex("the edit list leaves packets out")
        # When each is shown, but for what the demuxer adds to all of them: so that none is shown before it is decoded.
        self._pts = list(map(add, self.dts, offsets)) if offsets else self.dts
        self._shift: int | None = None

    def __len__(self) -> int:
        return len(self.dts)

    @property
    def pts(self) -> list[int]:
        """When each packet is shown, in ticks; after the first one was compared."""
        shift = self._shift or 0
        return [ticks + shift for ticks in self._pts] if shift else self._pts

    def check(self, number: int, packet: Any, *, with_data: bool) -> None:
        """Compare a packet of the demuxer with what is known of it. Raises NoIndex.

        with_data  its bytes are there, so that the demuxer knows whether it is a keyframe
        """
        if number >= len(self.dts):
            raise NoIndex("more packets than in the index")
        if self._shift is None:
            self._shift = packet.pts - self._pts[number]
        known = (self._pts[number] + self._shift, self.dts[number], self.sizes[number], self.discards[number])
        if known != (packet.pts, packet.dts, packet.size, packet.is_discard):
            raise NoIndex(f"packet {number} is not as the index says")
        if with_data and packet.is_keyframe != self.keys[number]:
            raise NoIndex(f"packet {number} is a keyframe, or is none, against the index")
        last = number + 1 == len(self.dts)
        if not last and not packet.is_discard and packet.duration != self.dts[number + 1] - self.dts[number]:
            raise NoIndex(f"packet {number} lasts for another time")

    def check_last(self, container: Any, stream: Any) -> int:
        """Compare the last packets; returns how long the last one lasts, in ticks. Raises NoIndex, FFmpegError."""
        container.seek(self.dts[-1], stream=stream)
        # It seeks to the last keyframe, or a little before.
        last_key = max((number for number, is_key in enumerate(self.keys) if is_key), default=0)
        tail = max(0, last_key - _TAIL)
        numbers = {place: number for number, place in enumerate(self.places[tail:], tail)}
        number, duration = -1, 0
        for packet in container.demux(stream):
            if packet.pts is None:
                break
            number, duration = numbers.get(packet.pos, len(self.dts)), packet.duration or 0
            self.check(number, packet, with_data=False)
        if number + 1 != len(self.dts):
            raise NoIndex("the demuxer stops before its index")
        return duration

    def count(self, before: float, at_least: int = 0) -> int:
        """How many packets are decoded before a time in s; `at_least` so many when there are."""
        number = bisect_left(self.dts, math.ceil(before * self.den / self.num))
        return min(len(self.dts), max(number, at_least))

    def ranges(self, count: int) -> list[tuple[int, int]]:
        """Where the first so many packets lie."""
        return [(place, place + size) for place, size in zip(self.places[:count], self.sizes[:count], strict=True)]

    def ends_within(self, size: int) -> bool:
        """Whether the file has all of its packets: else the demuxer stops where the file does."""
        return min(self.places) >= 0 and max(map(add, self.places, self.sizes)) <= size


def read_track(source: str, stream: Any, *, is_picture: bool) -> Track:
    """The packets of one stream of a file that the demuxer `mov` has opened. Raises NoIndex."""
    table = _find_table(_read_index(source), stream.id)
    offsets = _read_offsets(table.get(b"ctts"), len(stream.index_entries))
    if not is_picture:
        if offsets is not None:
            raise NoIndex("sound that is not heard in its order")
        return Track(stream, None, None)
    return Track(stream, _read_sizes(table.get(b"stsz")), offsets)


def _read_index(source: str) -> bytes:
    with Path(source).open("rb") as file:
        size, at = file.seek(0, 2), 0
        for _ in range(_BOXES_MAX):
            file.seek(at)
            head = file.read(16)
            length, body = int.from_bytes(head[:4], "big"), 8
            if length == 1:
                length, body = int.from_bytes(head[8:16], "big"), 16
            if length == 0:
                length = size - at
            if len(head) < 8 or length < body or length > size - at:
                # Pictures that were cut off show when their places are compared with the file's size.
                raise NoIndex("its boxes do not fit into it")
            if head[4:8] == b"moov" and length <= _INDEX_MAX_BYTES:
                file.seek(at + body)
                return file.read(length - body)
            at += length
    raise NoIndex("no index, or a large one")


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 0
    for _ in range(_BOXES_MAX):
        if at + 8 > len(data):
            return
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8 or at + length > len(data):
            return
        yield bytes(data[at + 4 : at + 8]), data[at + 8 : at + length]
        at += length


def _find(data: memoryview, *path: bytes) -> memoryview | None:
    """The one box at a path; None when there is none, or several to choose from."""
    for kind in path:
        found = [inner for name, inner in _boxes(data) if name == kind]
        if len(found) != 1:
            return None
        data = found[0]
    return data


def _find_table(index: bytes, track_id: int) -> dict[bytes, memoryview]:
    for kind, track in _boxes(memoryview(index)):
        head = _find(track, b"tkhd") if kind == b"trak" else None
        if head is None or len(head) < 24:
            continue
        at = 20 if head[0] == 1 else 12
        if int.from_bytes(head[at : at + 4], "big") != track_id:
            continue
        table = _find(track, b"mdia", b"minf", b"stbl")
        inner = list(_boxes(table)) if table is not None else []
        if len({name for name, _ in inner}) != len(inner):
            raise NoIndex("tables that stand there twice")
        return dict(inner)
    raise NoIndex(f"no track {track_id}")


def _read_sizes(table: memoryview | None) -> list[int]:
    if table is None or len(table) < 12 or int.from_bytes(table[4:8], "big"):
        raise NoIndex("no table of sizes")
    count = int.from_bytes(table[8:12], "big")
    return list(_numbers("I", table[12:], count))


def _read_offsets(table: memoryview | None, count: int) -> array[int] | None:
    """How much later than it is decoded each packet is shown, in ticks; None for a table that is not there."""
    if table is None:
        return None
    if len(table) < 8:
        raise NoIndex("a table of times that is cut off")
    pairs = _numbers("i", table[8:], 2 * int.from_bytes(table[4:8], "big"))
    runs, offsets = pairs[::2], pairs[1::2]
    if min(runs, default=0) <= 0 or sum(runs) != count:
        raise NoIndex("times for other packets than there are")
    return array("i", chain.from_iterable(map(repeat, offsets, runs)))


def _numbers(kind: str, data: memoryview, count: int) -> array[int]:
    """So many big-endian numbers of 32 bits."""
    if count < 0 or 4 * count > len(data):
        raise NoIndex("a table that is cut off")
    numbers = array(kind)
    numbers.frombytes(data[: 4 * count])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers
