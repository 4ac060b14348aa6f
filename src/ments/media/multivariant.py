"""The playlist of playlists: which rungs, sound and captions a film has, and what each rung costs to fetch. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ments.media.playlists import Chunk, Segment, check_uri, find_average, find_peak

NAME_MAX = 80
FIRST_MAX_BITS = 2_000_000
"""What most connections bear at once; clients begin with the first variant that they are told of."""


@dataclass(frozen=True, slots=True)
class PictureStream:
    """One rung of the ladder. Sizes in px, rate in frames/s (0 when unknown), codec as `avc1.640028`."""

    playlist: str
    width: int
    height: int
    rate: float
    codec: str
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class SoundStream:
    """The sound of all rungs."""

    playlist: str
    codec: str
    channels: int
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class CaptionStream:
    """Captions in one language. `language` a checked tag; `name` as people call it, from anybody."""

    playlist: str
    language: str
    name: str
    is_default: bool = False


def write_multivariant(
    pictures: Sequence[PictureStream], sound: SoundStream | None, captions: Sequence[CaptionStream]
) -> str:
    """The playlist of playlists. `pictures` not empty, in any order; every segment's `bytes` known.

    The first variant is the best one that most connections bear at once. Raises ValueError.
    """
    if not pictures:
        raise ValueError("no pictures to choose from")
    lines = ["#EXTM3U", "#EXT-X-VERSION:7"]
    if sound:
        lines.append(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES,'
            f'CHANNELS="{sound.channels}",URI="{check_uri(sound.playlist)}"'
        )
    lines += caption_lines(captions)
    for stream, peak, average in _order(pictures, sound):
        codecs = ",".join([stream.codec, *([sound.codec] if sound else [])])
        attributes = [
            f"BANDWIDTH={peak}",
            f"AVERAGE-BANDWIDTH={average}",
            f'CODECS="{_quoted(codecs)}"',
            f"RESOLUTION={stream.width}x{stream.height}",
            *([f"FRAME-RATE={stream.rate:.3f}"] if stream.rate > 0 else []),
            *(['AUDIO="sound"'] if sound else []),
            *(['SUBTITLES="captions"'] if captions else []),
            "CLOSED-CAPTIONS=NONE",
        ]
        lines += [f"#EXT-X-STREAM-INF:{','.join(attributes)}", check_uri(stream.playlist)]
    return "\n".join([*lines, ""])


def _order(pictures: Sequence[PictureStream], sound: SoundStream | None) -> list[tuple[PictureStream, int, int]]:
    """Streams with their peak and average rates in bit/s, sound included, in the order of the playlist."""
    heard = _segments(sound.chunks) if sound else []
    rated = [
        (
            stream,
            find_peak(_segments(stream.chunks)) + find_peak(heard),
            find_average(_segments(stream.chunks)) + find_average(heard),
        )
        for stream in pictures
    ]
    rated.sort(key=lambda entry: entry[1])
    bearable = [entry for entry in rated if entry[1] <= FIRST_MAX_BITS]
    first = bearable[-1] if bearable else rated[0]
    return [first, *(entry for entry in rated if entry is not first)]


def caption_lines(captions: Sequence[CaptionStream]) -> list[str]:
    """The lines that tell of captions, before those of the pictures. Raises ValueError for names that break out."""
    lines: list[str] = []
    names: set[str] = set()
    default = next((stream for stream in captions if stream.is_default), None)
    for stream in captions:
        plain = _quoted(stream.name) or _quoted(stream.language)
        name, again = plain, 1
        while name in names:  # a group may not have two of one name
            again += 1
            name = f"{plain} ({again})"
        names.add(name)
        lines.append(
            f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME="{name}",LANGUAGE="{_quoted(stream.language)}",'
            f"DEFAULT={'YES' if stream is default else 'NO'},AUTOSELECT=YES,FORCED=NO,"
            f'URI="{check_uri(stream.playlist)}"'
        )
    return lines


def _segments(chunks: Sequence[Chunk]) -> list[Segment]:
    return [segment for chunk in chunks for segment in chunk.segments]


def _quoted(text: str) -> str:
    """What may stand between quotes: no quote, no control or line mark, at most NAME_MAX characters."""
    plain = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Cf", "Zl", "Zp") else char for char in text)
    return " ".join(plain.replace('"', "”").split())[:NAME_MAX].strip()
