"""Media playlists of HLS: what clients are told of one rendition, and what ffmpeg tells us of a chunk (RFC 8216). Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SEGMENTS_MAX = 50_000
"""Four hours in segments of a third of a second."""

PLAYLIST_MAX_CHARS = 8_000_000

_URI = re.compile(r"[A-Za-z0-9._~/:?&=%+@,-]{1,2000}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_LENGTH = re.compile(r"\d{1,7}(\.\d{1,9})?")


class PlaylistUnreadable(ValueError):
    """Not a media playlist as ffmpeg writes them; the text says in which line."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One file. `length_s` from its first picture to the next segment's; `bytes` 0 where nobody asks for the rate."""

    file: str
    length_s: float
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Segments that share an init file, in order.

    init_file  None for text
    restarts   the timestamps do not go on from the chunk before
    """

    init_file: str | None
    segments: tuple[Segment, ...]
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """What ffmpeg has written so far. `is_complete` once it has ended."""

    init_file: str | None
    segments: tuple[Segment, ...]
    is_complete: bool


def write_media_playlist(
    chunks: Iterable[Chunk], *, is_complete: bool, is_independent: bool, target_s: int | None = None
) -> str:
    """The playlist of one rendition.

    is_complete     nothing will be added: VOD with an end; else an EVENT that grows
    is_independent  each segment can be decoded without the ones before it
    target_s        the longest that a segment may last, rounded; needed while a playlist grows, since it may not change

    Chunks without segments are left out. Raises ValueError for names that break out of their line, and for segments
    that are longer than `target_s`.
    """
    kept = [chunk for chunk in chunks if chunk.segments]
    target = find_target([segment for chunk in kept for segment in chunk.segments])
    if target_s is not None and target > target_s:
        raise ValueError(f"a segment of about {target} s where {target_s} s were promised")
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target_s or target}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if is_complete else 'EVENT'}",
        *(["#EXT-X-INDEPENDENT-SEGMENTS"] if is_independent else []),
    ]
    init_file = None
    for number, chunk in enumerate(kept):
        lines += ["#EXT-X-DISCONTINUITY"] if chunk.restarts and number else []
        if chunk.init_file != init_file or (chunk.restarts and chunk.init_file):
            if chunk.init_file is None:
                raise ValueError("text and pictures in one playlist")
            lines.append(f'#EXT-X-MAP:URI="{check_uri(chunk.init_file)}"')
            init_file = chunk.init_file
        for segment in chunk.segments:
            lines += [f"#EXTINF:{segment.length_s:.6f},", check_uri(segment.file)]
    lines += ["#EXT-X-ENDLIST"] if is_complete else []
    return "\n".join([*lines, ""])


def write_captions_playlist(file: str, length_s: float) -> str:
    """One WebVTT file for the whole film; it maps its times to the pictures' itself."""
    return write_media_playlist([Chunk(None, (Segment(file, length_s),))], is_complete=True, is_independent=False)


def find_target(segments: Sequence[Segment]) -> int:
    """The longest segment in whole s, rounded half up; at least 1."""
    return max([1, *(math.floor(segment.length_s + 0.5) for segment in segments)])


def find_peak(segments: Sequence[Segment]) -> int:
    """The peak segment bit rate in bit/s: the largest of any run of segments that lasts 0.5 to 1.5 target durations."""
    target = find_target(segments)
    peak = find_average(segments)
    for first in range(len(segments)):
        length_s, size = 0.0, 0
        for segment in segments[first:]:
            length_s += segment.length_s
            size += segment.bytes
            if length_s > 1.5 * target:
                break
            if length_s >= 0.5 * target:
                peak = max(peak, math.ceil(size * 8 / length_s))
    return peak


def find_average(segments: Sequence[Segment]) -> int:
    """The average segment bit rate in bit/s; 0 for what lasts no time."""
    length_s = sum(segment.length_s for segment in segments)
    return math.ceil(sum(segment.bytes for segment in segments) * 8 / length_s) if length_s > 0 else 0


def check_uri(text: str) -> str:
    """A name or a URL of ours: nothing that ends a line or a quoted string, or begins a tag."""
    if not _URI.fullmatch(text):
        raise ValueError(f"{text!r} can't stand in a playlist")
    return text


def parse_media_playlist(text: str) -> MediaPlaylist:
    """Read a media playlist as ffmpeg writes it: one init file at most, plain names, no byte ranges.

    Raises PlaylistUnreadable for everything else.
    """
    if len(text) > PLAYLIST_MAX_CHARS:
        raise PlaylistUnreadable(f"a playlist of {len(text)} characters")
    lines = text.split("\n")
    if lines[0].rstrip("\r") != "#EXTM3U":
        raise PlaylistUnreadable("line 1: not a playlist")
    init_file: str | None = None
    length_s: float | None = None
    is_complete = False
    segments: list[Segment] = []
    for number, raw in enumerate(lines[1:], 2):
        line = raw.rstrip("\r")
        tag, _, value = line.partition(":")
        if is_complete and line:
            raise PlaylistUnreadable(f"line {number}: something after the end")
        if tag == "#EXTINF" and length_s is None:
            length_s = _length(value, number)
        elif tag == "#EXT-X-MAP" and init_file is None and not segments:
            init_file = _name(value.removeprefix('URI="').removesuffix('"'), number)
        elif tag == "#EXT-X-ENDLIST" and length_s is None:
            is_complete = True
        elif line and not line.startswith("#") and length_s is not None:
            segments.append(Segment(_name(line, number), length_s))
            length_s = None
        elif line and tag not in _KNOWN:
            raise PlaylistUnreadable(f"line {number}: {line[:60]!r} is not expected here")
        if len(segments) > SEGMENTS_MAX:
            raise PlaylistUnreadable(f"line {number}: more than {SEGMENTS_MAX} segments")
    if length_s is not None:
        raise PlaylistUnreadable("the last segment has no name")
    return MediaPlaylist(init_file, tuple(segments), is_complete)


_KNOWN = (
    "#EXT-X-VERSION",
    "#EXT-X-TARGETDURATION",
    "#EXT-X-MEDIA-SEQUENCE",
    "#EXT-X-PLAYLIST-TYPE",
    "#EXT-X-INDEPENDENT-SEGMENTS",
)


def _name(text: str, number: int) -> str:
    if not _FILE.fullmatch(text):
        raise PlaylistUnreadable(f"line {number}: {text[:60]!r} is no name of a file")
    return text


def _length(value: str, number: int) -> float:
    length = value.removesuffix(",")
    if not value.endswith(",") or not _LENGTH.fullmatch(length):
        raise PlaylistUnreadable(f"line {number}: no length")
    return float(length)
