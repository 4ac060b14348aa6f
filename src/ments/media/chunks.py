"""Where a long video is cut, so that many workers can encode it at once. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

KEYFRAME_S = 2
"""Every rung has a keyframe at the first picture of each of these, counted from the film's beginning."""

BORDER_S = 8
"""Chunks meet at whole multiples of this.

It is four keyframes, and the shortest time that is both whole seconds and whole AAC packets: 375 of 1024 samples at
48,000 Hz. On any other border (what plays first ends at 4 s) a packet belongs to the chunk that it begins in.
"""

WHOLE_MAX_S = 120.0
"""Up to this a video is one chunk: starting a second worker costs more than it brings."""

CHUNK_S = 64
CHUNKS_MAX = 256
"""What one video may put into the queue. Films of four hours fit with chunks of 64 s; longer ones get longer chunks."""

REST_MIN_S = 10.0
"""A rest that is shorter belongs to the chunk before it."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a film: pictures and sound from `start_s` on and before `end_s`, in s from the film's beginning.

    index    0, 1, 2... in the film's order
    start_s  a whole number, but for a part of a film that is kept: it begins at a keyframe
    is_last  whoever encodes it takes all that follows `start_s`, since a length is only what a container says
    """

    index: int
    start_s: float
    end_s: float
    is_last: bool

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def keyframes(self) -> Iterator[int]:
        """Times of the keyframes, in s from the film's beginning; ascending, the first is `start_s`."""
        start = round(self.start_s)
        return iter(range(start, max(start + 1, math.ceil(self.end_s)), KEYFRAME_S))


def cut_film(
    length_s: float, *, chunk_s: int = CHUNK_S, chunks_max: int = CHUNKS_MAX, whole_max_s: float = WHOLE_MAX_S
) -> tuple[Span, ...]:
    """Cut a film into chunks of about the same length.

    length_s    above 0
    chunk_s     the longest that a chunk should be (the last may hold a short rest on top); a multiple of BORDER_S
    chunks_max  at least 1; more would be needed: then chunks are longer
    whole_max_s up to this a film is not cut

    Returns 1..chunks_max spans in order. They cover [0, length_s) without gap or overlap, and each one but the last
    ends on a multiple of BORDER_S, so every picture is in exactly one.
    Raises ValueError for arguments out of these bounds.
    """
    if not (math.isfinite(length_s) and length_s > 0):
        raise ValueError(f"a film of {length_s} s can't be cut")
    if chunk_s < BORDER_S or chunk_s % BORDER_S or chunks_max < 1:
        raise ValueError(f"chunks of {chunk_s} s, at most {chunks_max}: not possible")
    if length_s <= whole_max_s:
        return (Span(0, 0, length_s, True),)
    count = min(chunks_max, math.ceil(length_s / chunk_s))
    step = math.ceil(length_s / count / BORDER_S) * BORDER_S
    starts = list(range(0, math.ceil(length_s), step))
    if len(starts) > 1 and length_s - starts[-1] < REST_MIN_S:
        starts.pop()
    ends = [*(float(start) for start in starts[1:]), length_s]
    return tuple(
        Span(index, start, end, index == len(starts) - 1)
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
