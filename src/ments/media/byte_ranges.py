"""Ranges of bytes of one file: joined, and what is missing of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]
"""From the first byte to before the second number."""


def join_ranges(ranges: Iterable[Range], *, gap: int = 0) -> list[Range]:
    """The same bytes in ascending ranges that do not touch; those that are at most `gap` apart become one."""
    joined: list[Range] = []
    for start, end in sorted(found for found in ranges if found[0] < found[1]):
        if joined and start <= joined[-1][1] + gap:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def find_missing(wanted: Iterable[Range], held: Iterable[Range]) -> list[Range]:
    """What of `wanted` is not in `held`; ascending, not touching."""
    missing: list[Range] = []
    have = join_ranges(held)
    for start, end in join_ranges(wanted):
        for held_start, held_end in have:
            if held_end <= start:
                continue
            if held_start >= end:
                break
            if start < held_start:
                missing.append((start, held_start))
            start = held_end
        if start < end:
            missing.append((start, end))
    return missing


def split_ranges(ranges: Iterable[Range], most: int) -> list[Range]:
    """The same bytes in ranges of at most `most` (above 0)."""
    return [(at, min(end, at + most)) for start, end in ranges for at in range(start, end, most)]


def count_bytes(ranges: Iterable[Range]) -> int:
    """How many bytes they are together, when none overlap."""
    return sum(end - start for start, end in ranges)
