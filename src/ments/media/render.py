"""From an original on this disk to the files that are served: look, plan, encode, check."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ments.media import rules
from ments.media.argv import POSTER_FILE
from ments.media.ffmpeg import encode_audio, encode_video
from ments.media.ladder import PROGRESSIVE, plan_ladder
from ments.media.model import MediaKind, Outputs, Probe, UnplayableMedia, Variant
from ments.media.photo import look_at_poster, make_photo
from ments.media.probe import probe_file, read_head
from ments.media.sandbox import Sandbox
from ments.observe import span

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What rendering needs: the sandbox, the encoder's path, and whom to tell how far it is (0 to 1, never falling)."""

    sandbox: Sandbox
    ffmpeg: str
    on_progress: Progress


async def render_original(workshop: Workshop, source: Path, folder: Path) -> Outputs:
    """Make everything that is served of an original.

    source  the original, a regular file
    folder  empty; what is to be stored lies there afterwards: the variants' files and the poster's
    Raises UnplayableMedia with words for the author, Retryable when the machine was at fault.
    """
    head = await asyncio.to_thread(read_head, source)
    if rules.looks_like_photo(head):
        return await _photo(workshop, source, folder)
    with span("probe"):
        probe = await probe_file(workshop.sandbox, source, folder)
    rules.check_probe(probe)
    if probe.container == "gif" and rules.is_still(probe):
        return await _photo(workshop, source, folder)
    workshop.on_progress(0.05)
    if probe.video is None:
        return await _audio(workshop, source, folder, probe)
    return await _video(workshop, source, folder, probe)


async def _photo(workshop: Workshop, source: Path, folder: Path) -> Outputs:
    with span("encode", kind_of_media="photo"):
        made = await make_photo(workshop.sandbox, source, folder)
    variants = made.variants(folder)
    return Outputs(
        kind=MediaKind.PHOTO,
        width=made.width,
        height=made.height,
        duration_s=None,
        poster_file=variants[0].file,
        blurhash=made.blurhash,
        variants=variants,
        probe=None,
    )


async def _audio(workshop: Workshop, source: Path, folder: Path, probe: Probe) -> Outputs:
    if probe.audio is None:
        raise UnplayableMedia("There is neither picture nor sound in this file.", code="nothing_to_play")
    with span("encode", kind_of_media="audio", length_s=probe.length_s):
        file = await encode_audio(
            workshop.sandbox,
            workshop.ffmpeg,
            source,
            folder,
            audio=probe.audio,
            length_s=probe.length_s,
            on_progress=_within(workshop.on_progress, 0.05, 0.98),
        )
    made = await _check_rendition(workshop, folder, file, probe)
    return Outputs(
        kind=MediaKind.AUDIO,
        width=None,
        height=None,
        duration_s=round(made.length_s, 3),
        poster_file=None,
        blurhash=None,
        variants=(_variant(folder / file, MediaKind.AUDIO, "audio", "audio/mp4", made),),
        probe=probe,
    )


async def _video(workshop: Workshop, source: Path, folder: Path, probe: Probe) -> Outputs:
    renditions = plan_ladder(probe, PROGRESSIVE)
    rendition = renditions[-1]
    if probe.video is None:
        raise UnplayableMedia("There is no moving picture in this file.", code="no_picture")
    with span("encode", kind_of_media="video", length_s=probe.length_s, width=rendition.width, height=rendition.height):
        file = await encode_video(
            workshop.sandbox,
            workshop.ffmpeg,
            source,
            folder,
            video=probe.video,
            audio=probe.audio,
            rendition=rendition,
            length_s=probe.length_s,
            on_progress=_within(workshop.on_progress, 0.05, 0.95),
        )
    made = await _check_rendition(workshop, folder, file, probe)
    poster = await look_at_poster(workshop.sandbox, folder / POSTER_FILE, folder)
    workshop.on_progress(0.98)
    return Outputs(
        kind=MediaKind.VIDEO,
        width=rendition.width,
        height=rendition.height,
        duration_s=round(made.length_s, 3),
        poster_file=POSTER_FILE,
        blurhash=poster.blurhash,
        variants=(_variant(folder / file, MediaKind.VIDEO, rendition.name, "video/mp4", made),),
        probe=probe,
    )


async def _check_rendition(workshop: Workshop, folder: Path, file: str, source: Probe) -> Probe:
    """Measure what was made: ffmpeg ends well, with exit status 0, also when it gave up in the middle."""
    with span("check"):
        made = await probe_file(workshop.sandbox, folder / file, folder)
    rules.check_whole(made.length_s, source.length_s)
    if made.video is not None and source.video is not None:
        # Sound to the end over a picture that stopped would pass the first check.
        rules.check_whole(made.video.length_s, source.video.length_s)
    return made


def _variant(path: Path, kind: MediaKind, name: str, content_type: str, made: Probe) -> Variant:
    size = path.stat().st_size
    return Variant(
        file=path.name,
        kind=kind,
        name=name,
        content_type=content_type,
        width=made.video.width if made.video else 0,
        height=made.video.height if made.video else 0,
        bytes=size,
        bitrate=round(size * 8 / made.length_s) if made.length_s else 0,
    )


def _within(on_progress: Progress, low: float, high: float) -> Progress:
    return lambda fraction: on_progress(low + (high - low) * fraction)
