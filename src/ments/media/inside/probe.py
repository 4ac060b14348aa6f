"""Read every packet of /in (argv[1]) and print what is in it, as one JSON object. Exits 0 also when it can't be read.

argv[2] is the list of containers that may be opened. Prints {"error": "..."} or the fields of `media.model.Probe`.
"""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from typing import Any

import av
import av.error

GUESSED_LENGTH = {"mp3", "aac", "mpegts", "mpeg", "wav", "gif"}
"""Containers that carry no length, or one that writers of streams leave wrong."""


def main(source: str, containers: str) -> dict[str, Any]:
    av.logging.set_level(av.logging.PANIC)
    options = {"protocol_whitelist": "file", "format_whitelist": containers, "max_streams": "32"}
    try:
        with av.open(source, options=options, metadata_errors="replace") as container:
            return _read(container)
    except (av.error.FFmpegError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def _read(container: Any) -> dict[str, Any]:
    name = container.format.name.split(",")[0]
    videos = [stream for stream in container.streams.video if not _is_cover(stream)]
    video = videos[0] if videos else None
    # Phones put a second sound that only they can read behind one that everybody can.
    sounds = sorted(container.streams.audio, key=lambda stream: not _decodable(stream))
    audio = sounds[0] if sounds else None
    ends: dict[int, float] = {}
    starts: dict[int, float] = {}
    counts: dict[int, int] = {}
    rotation = sample = None
    try:
        for packet in container.demux([stream for stream in (video, audio) if stream is not None]):
            if packet.pts is None or packet.time_base is None:
                continue
            index = packet.stream.index
            if video is not None and index == video.index and rotation is None and _decodable(video):
                rotation, sample = _first_look(packet)
            start = float(packet.pts * packet.time_base)
            end = start + float((packet.duration or 0) * packet.time_base)
            starts[index] = min(start, starts.get(index, start))
            ends[index] = max(end, ends.get(index, end))
            counts[index] = counts.get(index, 0) + 1
    except av.error.FFmpegError:
        if not ends:
            raise
        # A file that breaks in the middle is judged by how far it went.
    first = min(starts.values(), default=0.0)
    claimed = None
    if name not in GUESSED_LENGTH and container.duration:
        claimed = container.duration / 1_000_000
    return {
        "container": name,
        "claimed_s": claimed,
        "length_s": max(ends.values(), default=0.0) - first,
        "video": _picture(video, starts, ends, counts, rotation, sample) if video is not None else None,
        "audio": _sound(audio, starts, ends) if audio is not None else None,
    }


def _first_look(packet: Any) -> tuple[int | None, Fraction | None]:
    """Decode until the first frame: rotation in degrees and the shape of a pixel stand there. None: not yet."""
    try:
        frames = packet.decode()
    except av.error.FFmpegError:
        return None, None
    if not frames:
        return None, None
    return int(frames[0].rotation), frames[0].sample_aspect_ratio if hasattr(frames[0], "sample_aspect_ratio") else None


def _picture(
    stream: Any,
    starts: dict[int, float],
    ends: dict[int, float],
    counts: dict[int, int],
    rotation: int | None,
    sample: Fraction | None,
) -> dict[str, Any]:
    context = stream.codec_context
    width, height = int(context.width or 0), int(context.height or 0)
    shape = sample or stream.sample_aspect_ratio
    if shape and 0.1 < shape < 10 and shape != 1:
        width = round(width * shape)
    turned = (rotation or 0) % 360
    if turned in (90, 270):
        width, height = height, width
    length = ends.get(stream.index, 0.0) - starts.get(stream.index, 0.0)
    return {
        "index": stream.index,
        "codec": context.name or "none",
        "width": width,
        "height": height,
        "rotation": turned,
        "rate": counts.get(stream.index, 0) / length if length > 0 else 0.0,
        "pixel_format": getattr(context, "pix_fmt", None) or "",
        "transfer": {16: "smpte2084", 18: "arib-std-b67"}.get(int(context.color_trc or 0), ""),
        "length_s": length,
        "decodable": _decodable(stream) and width > 0 and height > 0,
    }


def _sound(stream: Any, starts: dict[int, float], ends: dict[int, float]) -> dict[str, Any]:
    context = stream.codec_context
    return {
        "index": stream.index,
        "codec": context.name if context is not None else "none",
        "channels": int(context.channels or 0) if context is not None else 0,
        "length_s": ends.get(stream.index, 0.0) - starts.get(stream.index, 0.0),
        "decodable": _decodable(stream),
    }


def _decodable(stream: Any) -> bool:
    context = stream.codec_context
    if context is None or not context.name or context.name == "none":
        return False
    try:
        av.codec.Codec(context.name, "r")
    except (av.codec.codec.UnknownCodecError, ValueError):
        return False
    return True


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2])))  # noqa: T201 (the answer)
