"""What pieces of a film have stored, and what of it can be played together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ments.media.playlists import Chunk, Segment, find_average

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"


@dataclass(frozen=True, slots=True)
class Track:
    """One rung, or the sound, of one piece: its files lie in one generation's folder.

    name      `v720`, or `a128` for sound
    codec     as playlists name it, `avc1.640028`
    width     in px, 0 for sound; height alike
    segments  with their sizes; none for a part of a film without pictures, which has no init file either
    """

    name: str
    codec: str
    width: int
    height: int
    init_file: str | None
    init_bytes: int
    segments: tuple[Segment, ...]

    @property
    def is_sound(self) -> bool:
        return self.name.startswith("a")

    @property
    def content_type(self) -> str:
        return "audio/mp4" if self.is_sound else "video/mp4"


@dataclass(frozen=True, slots=True)
class StoredPart:
    """What one piece has stored. `independent` when each segment can be decoded without the ones before it."""

    generation: str
    tracks: tuple[Track, ...]
    independent: bool = True


@dataclass(frozen=True, slots=True)
class WantedPart:
    """One piece of a film as it stands: which rungs it makes and, once it is stored, what it has made.

    start_s  where it begins in the film
    names    of its tracks
    """

    name: str
    start_s: float
    names: tuple[str, ...]
    share: float
    stored: StoredPart | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One rung, or the sound, of a film, in its order from the beginning on, as far as it is stored without a gap.

    parts  (generation, track) of each piece; is_whole once nothing is missing
    """

    name: str
    parts: tuple[tuple[str, Track], ...]
    is_whole: bool
    is_independent: bool

    @property
    def width(self) -> int:
        return max((track.width for _, track in self.parts), default=0)

    @property
    def height(self) -> int:
        return max((track.height for _, track in self.parts), default=0)

    @property
    def codec(self) -> str:
        return next((track.codec for _, track in self.parts if track.codec), "")

    @property
    def segments(self) -> list[Segment]:
        return [segment for _, track in self.parts for segment in track.segments]

    @property
    def bitrate(self) -> int:
        return find_average(self.segments)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """For playlists that lie beside the segments."""
        return tuple(Chunk(track.init_file, track.segments) for _, track in self.parts)


def line_up(parts: Sequence[WantedPart]) -> tuple[list[Line], Line | None]:
    """Put what pieces have stored in the film's order: the rungs with at least one segment, smallest first, and the sound."""
    lines: list[Line] = []
    for name in sorted({name for part in parts for name in part.names}):
        wanted = sorted((part for part in parts if name in part.names), key=lambda part: part.start_s)
        stored: list[tuple[str, Track]] = []
        independent = True
        for part in wanted:
            track = find_track(part, name)
            if part.stored is None or track is None:
                break
            stored.append((part.stored.generation, track))
            independent = independent and part.stored.independent
        line = Line(name, tuple(stored), len(stored) == len(wanted), independent)
        if line.segments:
            lines.append(line)
    rungs = sorted((line for line in lines if line.name.startswith("v")), key=lambda line: line.width * line.height)
    return rungs, next((line for line in lines if line.name.startswith("a")), None)


def find_track(part: WantedPart, name: str) -> Track | None:
    """A piece's track of this name, once it is stored."""
    return next((track for track in part.stored.tracks if track.name == name), None) if part.stored else None


def list_files(tracks: Iterable[Track]) -> list[tuple[str, str, int]]:
    """(name, content type, bytes) of all files of these tracks."""
    listed: list[tuple[str, str, int]] = []
    for track in tracks:
        if track.init_file:
            listed.append((track.init_file, track.content_type, track.init_bytes))
        listed += [(segment.file, track.content_type, segment.bytes) for segment in track.segments]
    return listed
