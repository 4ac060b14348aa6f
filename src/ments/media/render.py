"""From an original on this disk to the files that are served, a step at a time: look, encode, check."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ments.media import rules
from ments.media.chunks import CHUNK_S
from ments.media.ffmpeg import encode_audio
from ments.media.film import plan_film
from ments.media.model import AudioStream, MediaKind, Probe, UnplayableMedia, Variant
from ments.media.moving import may_move, unroll_picture
from ments.media.photo import WEBP, make_photo
from ments.media.plan import MadeFile, Piece, Plan
from ments.media.probe import probe_file, read_head, scan_file
from ments.media.sandbox import Sandbox
from ments.media.sound import picture_sound
from ments.media.source import PacketScan
from ments.observe import span

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What rendering needs: the sandbox, the encoder's path, and whom to tell how far it is (0 to 1, never falling)."""

    sandbox: Sandbox
    ffmpeg: str
    on_progress: Progress


async def unroll_original(workshop: Workshop, source: Path, folder: Path) -> Path:
    """Make a film of a photo that moves; returns the path of what is to be looked at and encoded: that film, or `source`.

    folder  empty; the film lies there afterwards
    Raises as plan_original does.
    """
    if not await asyncio.to_thread(may_move, source):
        return source
    with span("unroll"):
        return await unroll_picture(workshop.sandbox, source, folder) or source


async def plan_original(workshop: Workshop, source: Path, folder: Path, *, chunk_s: int = CHUNK_S) -> Plan:
    """Look at an original, and say what is to be made of it.

    source   the original, a regular file
    folder   empty; nothing is written into it
    chunk_s  films of nearly twice this length and more are cut into chunks of about this length
    Raises UnplayableMedia with words for the author, Retryable when the machine was at fault.
    """
    head = await asyncio.to_thread(read_head, source)
    if rules.looks_like_photo(head):
        return Plan(MediaKind.PHOTO, None)
    with span("probe"):
        probe, packets = await scan_file(workshop.sandbox, source, folder)
    rules.check_probe(probe)
    return plan_scanned(probe, packets, chunk_s=chunk_s)


def plan_scanned(probe: Probe, packets: PacketScan | None, *, chunk_s: int = CHUNK_S) -> Plan:
    """What is to be made of a film, sound or GIF that may be taken. Pure. Raises UnplayableMedia."""
    if probe.container == "gif" and rules.is_still(probe):
        return Plan(MediaKind.PHOTO, None)
    if probe.video is None:
        return Plan(MediaKind.AUDIO, probe)
    return Plan(MediaKind.VIDEO, probe, plan_film(probe, packets, chunk_s=chunk_s))


async def make_piece(workshop: Workshop, plan: Plan, source: Path, folder: Path) -> Piece:
    """Make all of a photo or a sound.

    folder  empty; its files lie there afterwards
    Raises as plan_original does.
    """
    if plan.kind is MediaKind.PHOTO or plan.probe is None:
        return await _photo(workshop, source, folder)
    if plan.probe.audio is None:
        raise UnplayableMedia("There is neither picture nor sound in this file.", code="nothing_to_play")
    return await _audio(workshop, source, folder, plan.probe, plan.probe.audio)


async def _photo(workshop: Workshop, source: Path, folder: Path) -> Piece:
    with span("encode", kind_of_media="photo"):
        made = await make_photo(workshop.sandbox, source, folder)
    variants = made.variants(folder)
    return Piece(
        files=tuple(_file_of(variant) for variant in variants),
        variants=variants,
        poster_file=made.poster_file,
        blurhash=made.blurhash,
    )


async def _audio(workshop: Workshop, source: Path, folder: Path, probe: Probe, audio: AudioStream) -> Piece:
    with span("encode", kind_of_media="audio", length_s=probe.length_s):
        file = await encode_audio(
            workshop.sandbox,
            workshop.ffmpeg,
            source,
            folder,
            audio=audio,
            length_s=probe.length_s,
            on_progress=workshop.on_progress,
        )
    made = await _check_rendition(workshop, folder, file, probe)
    variant = _variant(folder / file, MediaKind.AUDIO, "audio", "audio/mp4", made)
    with span("poster"):
        seen = await picture_sound(
            workshop.sandbox, workshop.ffmpeg, source, folder, rendition=folder / file, length_s=made.length_s
        )
    poster = MadeFile(seen.poster_file, WEBP, (folder / seen.poster_file).stat().st_size)
    return Piece(
        files=(_file_of(variant), poster),
        variants=(variant,),
        duration_s=round(made.length_s, 3),
        poster_file=poster.name,
        blurhash=seen.blurhash,
    )


async def _check_rendition(workshop: Workshop, folder: Path, file: str, source: Probe) -> Probe:
    """Measure what was made: ffmpeg ends well, with exit status 0, also when it gave up in the middle."""
    with span("check"):
        made = await probe_file(workshop.sandbox, folder / file, folder)
    rules.check_whole(made.length_s, source.length_s)
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


def _file_of(variant: Variant) -> MadeFile:
    return MadeFile(variant.file, variant.content_type, variant.bytes)


def within(on_progress: Progress, low: float, high: float) -> Progress:
    """Tell `on_progress` the progress of a part that lies between two fractions of the whole."""
    return lambda fraction: on_progress(low + (high - low) * fraction)
