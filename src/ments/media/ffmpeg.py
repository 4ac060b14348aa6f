"""Run ffmpeg: a poster, a sound; and follow how far a run is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ments.media.argv import Limits, audio_argv, poster_argv
from ments.media.model import AudioStream, Rendition, UnplayableMedia, VideoStream
from ments.media.programs import GIB, check_finished
from ments.media.sandbox import Sandbox
from ments.media.stills import POSTER_FILE

Progress = Callable[[float], None]
_WALL_MAX_S = 6 * 3600


def encode_limits(length_s: float) -> Limits:
    """What encoding may take: measured, 4K at 60 frames a second costs about 4 CPU s a second of film."""
    return Limits(
        wall_s=min(_WALL_MAX_S, round(600 + 12 * length_s)),
        cpu_s=min(_WALL_MAX_S, round(300 + 10 * length_s)),
        memory=4 * GIB,
        file=4 * GIB,
    )


async def take_poster(
    sandbox: Sandbox,
    ffmpeg: str,
    source: Path,
    folder: Path,
    *,
    video: VideoStream,
    rendition: Rendition,
    length_s: float,
) -> str:
    """Write a picture of the beginning into `folder`; returns its name.

    length_s  of the source, for the limits
    Raises UnplayableMedia, Retryable.
    """
    finished = await sandbox.run(
        lambda seen, out: poster_argv(ffmpeg, seen, out, video=video, rendition=rendition),
        source=source,
        folder=folder,
        programs=[ffmpeg],
        limits=encode_limits(length_s),
    )
    check_finished(finished, "ffmpeg")
    if not (folder / POSTER_FILE).exists():
        raise UnplayableMedia("Not one picture in this video could be read.", code="damaged")
    return POSTER_FILE


async def encode_audio(
    sandbox: Sandbox,
    ffmpeg: str,
    source: Path,
    folder: Path,
    *,
    audio: AudioStream,
    length_s: float,
    on_progress: Progress,
) -> str:
    """Write an M4A into `folder`; returns its name.

    length_s     of the source, for the progress and the limits
    on_progress  called with fractions from 0 to 1
    Raises UnplayableMedia, Retryable.
    """
    file = "audio.m4a"
    finished = await sandbox.run(
        lambda seen, out: audio_argv(ffmpeg, seen, out, audio=audio, file=file),
        source=source,
        folder=folder,
        programs=[ffmpeg],
        limits=encode_limits(length_s),
        on_line=follow_progress(length_s, on_progress),
    )
    check_finished(finished, "ffmpeg")
    return file


def follow_progress(length_s: float, on_progress: Progress) -> Callable[[str], None]:
    """Make a reader of `-progress` lines that calls `on_progress` with fractions that never fall."""
    furthest = 0.0

    def read(line: str) -> None:
        nonlocal furthest
        fraction = _read_fraction(line, length_s)
        if fraction > furthest:
            furthest = fraction
            on_progress(fraction)

    return read


def _read_fraction(line: str, length_s: float) -> float:
    name, _, value = line.partition("=")
    value = value.strip()
    if name == "progress" and value == "end":
        return 1.0  # with several outputs the last time told may be well before the end
    if name != "out_time_us" or not value.lstrip("-").isdigit() or length_s <= 0:
        return 0.0
    return min(1.0, int(value) / 1_000_000 / length_s)
