"""Make one piece of a film on this disk: run the encoder in the sandbox, and read what it has written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

from ments.errors import Retryable
from ments.media import rules
from ments.media.codec_names import AAC_LC, name_codec
from ments.media.encoding import AUDIO_NAME, SEGMENT_S, CopyRun, LadderRun, choose_encoding, name_rung
from ments.media.ffmpeg import encode_limits, follow_progress, take_poster
from ments.media.film import POSTER_S, PieceWork
from ments.media.hls_argv import copy_argv, keyframe_poster_argv, ladder_argv
from ments.media.ladder import PROGRESSIVE, plan_ladder
from ments.media.model import Probe, Rendition, UnplayableMedia, VideoStream
from ments.media.plan import MadeFile, Piece
from ments.media.playlists import PlaylistUnreadable, Segment, parse_media_playlist
from ments.media.probe import probe_file
from ments.media.programs import check_finished
from ments.media.render import Workshop
from ments.media.source import KEYFRAME_GAP_MAX_S
from ments.media.stills import POSTER_FILE, TINY_FILE, find_blurhash
from ments.media.tracks import Track, list_files
from ments.observe import span

_KEYFRAME_SLACK_S = 1.0
"""Playlists count uneven pictures a little wrong."""

Keep = Callable[[Sequence[MadeFile]], Awaitable[None]]
"""Stores files of the piece that is being made, which will not change any more."""


async def make_film_piece(
    workshop: Workshop,
    probe: Probe,
    work: PieceWork,
    source: Path,
    folder: Path,
    *,
    lease: int,
    poster: bool = False,
    keep: Keep | None = None,
) -> Piece:
    """Make the segments of one piece, and the poster if wanted.

    source  the original, a regular file
    folder  empty; the piece's files lie there afterwards
    lease   of the job: runs that were overtaken so overwrite nothing
    keep    is called with the segments while the poster is made
    Raises UnplayableMedia with words for the author, Retryable when the machine was at fault.
    """
    video = _video_of(probe)
    mark = work.mark(lease)
    tracks = await _make_tracks(workshop, probe, video, work, source, folder, mark, poster=poster)
    files = tuple(MadeFile(*file) for file in list_files(tracks))
    if not poster:
        return Piece(files, tracks=tracks)
    storing = asyncio.ensure_future(keep(files)) if keep else None
    try:
        picture, blurhash = await _poster(workshop, probe, video, work, tracks, source, folder)
        if storing:
            await storing
    finally:
        if storing:
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)
    return Piece((*files, picture), poster_file=picture.name, blurhash=blurhash, tracks=tracks)


async def _make_tracks(
    workshop: Workshop,
    probe: Probe,
    video: VideoStream,
    work: PieceWork,
    source: Path,
    folder: Path,
    mark: str,
    *,
    poster: bool,
) -> tuple[Track, ...]:
    """Run the encoder, which takes the poster too when it scales; read and check what it has written."""
    from_run = poster and not work.copies
    argv = _copy_of(probe, video, work, mark) if work.copies else _ladder_of(probe, video, work, mark, poster=from_run)
    with span("encode", kind_of_media="video", piece=work.name, length_s=work.span.length_s):
        finished = await workshop.sandbox.run(
            lambda seen, out: (
                copy_argv(workshop.ffmpeg, seen, out, argv)
                if isinstance(argv, CopyRun)
                else ladder_argv(workshop.ffmpeg, seen, out, argv)
            ),
            source=source,
            folder=folder,
            programs=[workshop.ffmpeg],
            limits=replace(encode_limits(work.span.length_s), open_files=1024, niceness=work.niceness),
            on_line=follow_progress(work.span.length_s, workshop.on_progress),
        )
        check_finished(finished, "ffmpeg")
    tracks = await asyncio.to_thread(_read_tracks, work, mark, folder)
    if work.copies:
        _check_keyframes(tracks)
    await _check_end(workshop, probe, video, work, tracks, folder)
    return tuple(_take_part(work, track) for track in tracks) if work.copies else tracks


def _ladder_of(probe: Probe, video: VideoStream, work: PieceWork, mark: str, *, poster: bool) -> LadderRun:
    return LadderRun(
        video,
        probe.audio if work.sound else None,
        work.span,
        tuple(choose_encoding(rendition) for rendition in work.renditions),
        mark,
        preroll_s=work.preroll_s,
        poster=poster,
        poster_size=plan_ladder(probe, PROGRESSIVE)[-1] if poster else None,
    )


def _copy_of(probe: Probe, video: VideoStream, work: PieceWork, mark: str) -> CopyRun:
    name = name_rung(work.renditions[0])
    audio = probe.audio if work.sound else None
    return CopyRun(video, audio, work.copies_sound, probe.length_s, name, mark, stop_s=work.stop_s)


def _video_of(probe: Probe) -> VideoStream:
    if probe.video is None:
        raise UnplayableMedia("There is no moving picture in this file.", code="no_picture")
    return probe.video


def _read_tracks(work: PieceWork, mark: str, folder: Path) -> tuple[Track, ...]:
    """What the run's own playlists list, with the sizes of the files."""
    tracks = []
    sizes = {name_rung(rendition): (rendition.width, rendition.height) for rendition in work.renditions}
    for name in work.track_names:
        playlist = folder / f"{name}-{mark}.m3u8"
        width, height = sizes.get(name, (0, 0))
        if not playlist.exists():
            tracks.append(Track(name, AAC_LC if name == AUDIO_NAME else "", width, height, None, 0, ()))
            continue
        try:
            listed = parse_media_playlist(playlist.read_text())
        except PlaylistUnreadable as error:
            raise Retryable("What the encoder wrote can't be read.", code="playlist_unreadable") from error
        if listed.init_file is None or not listed.is_complete:
            raise Retryable("The encoder stopped before its end.", code="stopped")
        init = (folder / listed.init_file).read_bytes()
        segments = tuple(
            Segment(segment.file, segment.length_s, (folder / segment.file).stat().st_size)
            for segment in listed.segments
        )
        tracks.append(Track(name, name_codec(init), width, height, listed.init_file, len(init), segments))
    return tuple(tracks)


def _check_keyframes(tracks: tuple[Track, ...]) -> None:
    """A film is kept since its index names keyframes that are near to one another; only its pictures tell whether they are.

    The encoder begins segments at true ones. Raises UnplayableMedia.
    """
    longest = max((segment.length_s for track in tracks if not track.is_sound for segment in track.segments), default=0)
    if longest > SEGMENT_S + KEYFRAME_GAP_MAX_S + _KEYFRAME_SLACK_S:
        raise UnplayableMedia(
            "This video's index doesn't fit its pictures. Save it anew in your video app, and send it again.",
            code="damaged",
        )


def _take_part(work: PieceWork, track: Track) -> Track:
    """The segments of a kept film that belong to one of its parts.

    Each part's run begins with the film, so that all segments before the one that is cut short are the same in both:
    the parts meet where one begins that is nearest to the cut. Playlists count uneven pictures a little wrong, in both
    runs alike.
    """
    begins = [0.0, *accumulate(segment.length_s for segment in track.segments[:-1])]

    def place(time_s: float) -> int:
        return min(range(len(begins)), key=lambda number: abs(begins[number] - time_s), default=0)

    start = place(work.span.start_s)
    end = len(track.segments) if work.span.is_last else place(work.span.end_s)
    return replace(track, segments=track.segments[start:end])


async def _check_end(
    workshop: Workshop, probe: Probe, video: VideoStream, work: PieceWork, tracks: tuple[Track, ...], folder: Path
) -> None:
    """ffmpeg ends well, with exit status 0, also when it gave up in the middle. Raises UnplayableMedia."""
    if not work.span.is_last:
        return
    start_s = 0.0 if work.copies else work.span.start_s
    for track in tracks:
        expected_s = (probe.length_s if track.is_sound else min(video.length_s, probe.length_s)) - start_s
        if expected_s <= 0:
            continue
        try:
            rules.check_whole(sum(segment.length_s for segment in track.segments), expected_s)
        except UnplayableMedia:
            # Playlists count uneven pictures badly: the packets tell.
            made = await _probe_track(workshop, track, folder)
            rules.check_whole(start_s + made, start_s + expected_s)


async def _probe_track(workshop: Workshop, track: Track, folder: Path) -> float:
    """How long a track is by its packets, in s."""
    if track.init_file is None or not track.segments:
        return 0.0
    async with _joined(track, track.segments, folder) as joined:
        made = await probe_file(workshop.sandbox, joined, folder)
    return made.length_s


@asynccontextmanager
async def _joined(track: Track, segments: Iterable[Segment], folder: Path) -> AsyncIterator[Path]:
    """A track's init file and some of its segments in one file, for a while."""
    joined = folder / "joined.mp4"
    names = [*([track.init_file] if track.init_file else []), *(segment.file for segment in segments)]
    await asyncio.to_thread(_join, folder, names, joined)
    try:
        yield joined
    finally:
        await asyncio.to_thread(joined.unlink)


def _join(folder: Path, names: list[str], path: Path) -> None:
    with path.open("wb") as whole:
        for name in names:
            whole.write((folder / name).read_bytes())


async def _poster(
    workshop: Workshop,
    probe: Probe,
    video: VideoStream,
    work: PieceWork,
    tracks: tuple[Track, ...],
    source: Path,
    folder: Path,
) -> tuple[MadeFile, str | None]:
    """The picture that stands for the film, taken from what is kept, or the original, unless the encoder has made it."""
    rendition = plan_ladder(probe, PROGRESSIVE)[-1]
    with span("poster"):
        if work.copies:
            await _take_keyframe(workshop, rendition, tracks[0], folder)
        if not (folder / POSTER_FILE).exists():
            await take_poster(
                workshop.sandbox,
                workshop.ffmpeg,
                source,
                folder,
                video=video,
                rendition=rendition,
                length_s=probe.length_s,
            )
        pixels = await asyncio.to_thread((folder / TINY_FILE).read_bytes)
    size = (folder / POSTER_FILE).stat().st_size
    return MadeFile(POSTER_FILE, "image/jpeg", size), find_blurhash(pixels, rendition)


async def _take_keyframe(workshop: Workshop, rendition: Rendition, track: Track, folder: Path) -> None:
    """Write the poster from a few keyframes of what was kept: of a film of 1080 lines a tenth of the work."""
    begins = accumulate((segment.length_s for segment in track.segments), initial=0.0)
    early = [segment for segment, begin in zip(track.segments, begins, strict=False) if begin < POSTER_S]
    async with _joined(track, early, folder) as joined:
        finished = await workshop.sandbox.run(
            lambda seen, out: keyframe_poster_argv(workshop.ffmpeg, seen, out, rendition=rendition),
            source=joined,
            folder=folder,
            programs=[workshop.ffmpeg],
            limits=encode_limits(POSTER_S),
        )
    check_finished(finished, "ffmpeg")
