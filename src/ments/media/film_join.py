"""What is made of a film's stored rungs on this disk: one file to download, pictures for seeking, a moving preview."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from ments.media.argv import NICE_LATER
from ments.media.ffmpeg import encode_limits
from ments.media.hls_argv import progressive_argv, storyboard_argv
from ments.media.model import MediaKind, Probe, UnplayableMedia, Variant
from ments.media.multivariant import PictureStream, SoundStream, write_multivariant
from ments.media.plan import MadeFile
from ments.media.playlists import write_media_playlist
from ments.media.preview import make_preview
from ments.media.programs import GIB, check_finished
from ments.media.render import Workshop
from ments.media.storyboard import plan_storyboard, write_storyboard_vtt
from ments.media.tracks import PLAYLIST_TYPE, Line
from ments.observe import span

log = structlog.get_logger()
VIDEO_FILE = "video.mp4"
STORYBOARD_FILE = "storyboard.vtt"
MASTER_FILE = "master.m3u8"
_FILE_MAX = 8 * GIB
"""4 hours of 720p with its sound are 5.3 GB."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The stored bytes of what is joined: init file and segments, one after another, inside the run's folder.

    best   the rung of the file to download; small  the smallest rung
    """

    best: Line
    best_path: Path
    small: Line
    small_path: Path
    sound: Line | None
    sound_path: Path | None


@dataclass(frozen=True, slots=True)
class FilmFiles:
    """What was made, beside the playlists."""

    files: tuple[MadeFile, ...]
    variants: tuple[Variant, ...]
    storyboard_file: str | None
    preview_file: str | None


async def join_film(workshop: Workshop, probe: Probe, inputs: Inputs, folder: Path, out: Path) -> FilmFiles:
    """Make all of it in `out`, where the inputs lie.

    Raises UnplayableMedia with words for the author, Retryable when the machine was at fault.
    """
    # Side by side: one copies from disk to disk, the other decodes little.
    joining = asyncio.ensure_future(_progressive(workshop, inputs, out))
    drawing = asyncio.ensure_future(_pictures(workshop, inputs, out))
    try:
        video, (board, preview) = await asyncio.gather(joining, drawing)
    finally:
        joining.cancel()
        drawing.cancel()
        await asyncio.gather(joining, drawing, return_exceptions=True)
    size = (out / VIDEO_FILE).stat().st_size
    variant = Variant(
        file=VIDEO_FILE,
        kind=MediaKind.VIDEO,
        name=f"{min(inputs.best.width, inputs.best.height)}p",
        content_type="video/mp4",
        width=inputs.best.width,
        height=inputs.best.height,
        bytes=size,
        bitrate=inputs.best.bitrate + (inputs.sound.bitrate if inputs.sound else 0),
    )
    return FilmFiles((video, *board, *preview), (variant,), *(_last(made) for made in (board, preview)))


async def _progressive(workshop: Workshop, inputs: Inputs, out: Path) -> MadeFile:
    def command(seen: str, folder: str) -> list[str]:
        sound = f"{folder}/{inputs.sound_path.name}" if inputs.sound_path else None
        return progressive_argv(workshop.ffmpeg, f"{folder}/{inputs.best_path.name}", sound, folder, file=VIDEO_FILE)

    with span("join"):
        finished = await workshop.sandbox.run(
            command,
            source=inputs.best_path,
            folder=out,
            programs=[workshop.ffmpeg],
            limits=replace(encode_limits(_length(inputs.best)), file=_FILE_MAX, niceness=NICE_LATER),
            on_line=lambda line: None,
        )
        check_finished(finished, "ffmpeg")
    return _made(out, VIDEO_FILE, "video/mp4")


async def _pictures(workshop: Workshop, inputs: Inputs, out: Path) -> tuple[tuple[MadeFile, ...], tuple[MadeFile, ...]]:
    """The storyboard and the preview."""
    return await _storyboard(workshop, inputs, out), await _preview(workshop, inputs, out)


async def _storyboard(workshop: Workshop, inputs: Inputs, out: Path) -> tuple[MadeFile, ...]:
    """Sheets and cues, the cues last; nothing when the film has no picture to show: it plays all the same."""
    board = plan_storyboard(_length(inputs.small), inputs.small.width, inputs.small.height)
    with span("storyboard"):
        finished = await workshop.sandbox.run(
            lambda seen, folder: storyboard_argv(workshop.ffmpeg, seen, folder, board),
            source=inputs.small_path,
            folder=out,
            programs=[workshop.ffmpeg],
            limits=replace(encode_limits(_length(inputs.small)), niceness=NICE_LATER),
            on_line=lambda line: None,
        )
    try:
        check_finished(finished, "ffmpeg")
    except UnplayableMedia as error:
        log.warning("no_storyboard", cause=error.safe)
        return ()
    if not all((out / file).exists() for file in board.files):
        log.warning("no_storyboard", cause="not all sheets were written")
        return ()
    await asyncio.to_thread((out / STORYBOARD_FILE).write_text, write_storyboard_vtt(board))
    return (*(_made(out, file, "image/jpeg") for file in board.files), _made(out, STORYBOARD_FILE, "text/vtt"))


async def _preview(workshop: Workshop, inputs: Inputs, out: Path) -> tuple[MadeFile, ...]:
    with span("preview"):
        try:
            made = await make_preview(
                workshop.sandbox,
                workshop.ffmpeg,
                inputs.small_path,
                out,
                width=inputs.small.width,
                height=inputs.small.height,
                length_s=_length(inputs.small),
            )
        except UnplayableMedia as error:
            log.warning("no_preview", cause=error.safe)
            return ()
    return (_made(out, made.file, "image/webp"),) if made else ()


def write_playlists(out: Path, probe: Probe, rungs: list[Line], sound: Line | None) -> list[MadeFile]:
    """Write the playlists of whole lines into `out`: one each, and the playlist of playlists, which is returned last."""
    files = []
    for line in (*rungs, *([sound] if sound else [])):
        text = write_media_playlist(
            line.chunks, is_complete=True, is_independent=line.is_independent and not line.name.startswith("a")
        )
        (out / f"{line.name}.m3u8").write_text(text)
        files.append(_made(out, f"{line.name}.m3u8", PLAYLIST_TYPE))
    (out / MASTER_FILE).write_text(write_master(probe, rungs, sound, "{}.m3u8"))
    return [*files, _made(out, MASTER_FILE, PLAYLIST_TYPE)]


def write_master(probe: Probe, rungs: list[Line], sound: Line | None, address: str) -> str:
    """The playlist of playlists. `address` with {} where a line's name stands. Pure."""
    rate = round(min(probe.video.rate, 60.0), 3) if probe.video else 0.0
    pictures = [
        PictureStream(address.format(line.name), line.width, line.height, rate, line.codec, line.chunks)
        for line in rungs
    ]
    heard = SoundStream(address.format(sound.name), sound.codec, 2, sound.chunks) if sound else None
    return write_multivariant(pictures, heard, ())


def _length(line: Line) -> float:
    return sum(segment.length_s for segment in line.segments)


def _made(folder: Path, name: str, content_type: str) -> MadeFile:
    return MadeFile(name, content_type, (folder / name).stat().st_size)


def _last(made: tuple[MadeFile, ...]) -> str | None:
    return made[-1].name if made else None
