"""Read every packet of /in (argv[1]) and print what is in it, as one JSON object. Exits 0 also when it can't be read.

argv[2] is the list of containers that may be opened. Prints {"error": "..."} or the fields of `media.model.Probe`.
"""

from __future__ import annotations

import json
import struct
import sys
from array import array
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import av.error

GUESSED_LENGTH = {"mp3", "aac", "mpegts", "mpeg", "wav", "gif"}
"""Containers that carry no length, or one that writers of streams leave wrong."""
STREAMS_MAX = 128
"""As ffmpeg's command. Discs that were copied have 40 subtitles; past the bound a demuxer stops as if the file ended."""
LATE_MAX_S = 0.1
TRIED_PACKETS = 500
"""Read at most to see which of several pictures can be decoded."""
_NO_PICTURE = {
    "codec": "none",
    "width": 0,
    "height": 0,
    "rotation": 0,
    "rate": 0.0,
    "pixel_format": "",
    "transfer": "",
    "length_s": 0.0,
    "decodable": False,
}


def main(source: str, containers: str) -> dict[str, Any]:
    av.logging.set_level(av.logging.PANIC)
    options = {"protocol_whitelist": "file", "format_whitelist": containers, "max_streams": str(STREAMS_MAX)}
    try:
        with av.open(source, options=options, metadata_errors="replace") as container:
            if len(container.streams) >= STREAMS_MAX:
                return {"error": "too many streams"}
            shown = _choose_picture(container)
        with av.open(source, options=options, metadata_errors="replace") as container:
            return _read(container, shown)
    except (av.error.FFmpegError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def _choose_picture(container: Any) -> int | None:
    """The index of the first picture that decodes, for certain when there are several to choose from; covers are none."""
    videos: list[Any] = [stream for stream in container.streams.video if not _is_cover(stream)]
    known = [stream for stream in videos if _decodable(stream)]
    if len(known) < 2:
        return next((stream.index for stream in (*known, *videos)), None)
    seen: set[int] = set()
    try:
        for _, packet in zip(range(TRIED_PACKETS), container.demux(known), strict=False):
            if packet.stream.index not in seen and _has_picture(packet):
                seen.add(packet.stream.index)
            if known[0].index in seen:
                break
    except av.error.FFmpegError:
        pass  # reading all of it will meet this, too, and say so
    indices = [int(stream.index) for stream in known]
    return next((index for index in indices if index in seen), indices[0])


def _has_picture(packet: Any) -> bool:
    try:
        return bool(packet.decode())
    except av.error.FFmpegError:
        return False


def _read(container: Any, shown: int | None) -> dict[str, Any]:
    name = container.format.name.split(",")[0]
    video = container.streams[shown] if shown is not None else None
    # Phones put a second sound that only they can read behind one that everybody can.
    sounds = sorted(container.streams.audio, key=lambda stream: not _decodable(stream))
    audio = sounds[0] if sounds else None
    ends: dict[int, float] = {}
    starts: dict[int, float] = {}
    counts: dict[int, int] = {}
    rotation = sample = None
    scan = _Scan()
    try:
        for packet in container.demux([stream for stream in (video, audio) if stream is not None]):
            if packet.pts is None or packet.time_base is None:
                continue
            index = packet.stream.index
            if video is not None and index == video.index and rotation is None and _decodable(video):
                rotation, sample = _first_look(packet, scan)
            if video is not None and index == video.index:
                scan.take(packet)
            if packet.is_discard:
                continue  # before the edit list's beginning: decoded for what follows, never shown
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
        if name == "avi" and video is not None:
            # Where the index is missing the demuxer takes what it finds for the whole; the header knows better.
            claimed = max(claimed, float(video.frames * video.time_base))
    return {
        "container": name,
        "claimed_s": claimed,
        "length_s": max(ends.values(), default=0.0) - first,
        "video": _picture(video, starts, ends, counts, rotation, sample) if video is not None else None,
        "audio": _sound(audio, starts, ends) if audio is not None else None,
        "packets": scan.tell(video, audio, first, ends.get(video.index, 0.0)) if video is not None else None,
    }


class _Scan:
    """What the picture's packets tell: see `media.source.PacketScan`."""

    def __init__(self) -> None:
        self.is_interlaced = False
        self.is_flipped = False
        self._begins_clean: bool | None = None
        self._times = array("d")
        self._keys = array("d")
        # Bytes of each 2 s; a peak is over two of them.
        self._sizes: dict[int, int] = {}
        # What decoders are told of the pictures, where it stands in the packets.
        self._headers: set[bytes] = set()

    def take(self, packet: Any) -> None:
        time = float(packet.pts * packet.time_base)
        if self._begins_clean is None:
            self._begins_clean = bool(packet.is_keyframe) and not packet.is_discard and time >= 0
        if packet.is_discard:
            return
        self._times.append(time)
        if packet.is_keyframe:
            self._keys.append(time)
            if len(self._headers) < 2:
                self._headers.update(_header_in(bytes(packet)[:1024]))
        self._sizes[int(time // 2)] = self._sizes.get(int(time // 2), 0) + packet.size

    def tell(self, stream: Any, sound: Any, first: float, end: float) -> dict[str, Any]:
        times = sorted(self._times)
        length = end - times[0] if times else 0.0
        peak = max((size + self._sizes.get(place + 1, 0) for place, size in self._sizes.items()), default=0)
        heard = sound.codec_context if sound is not None else None
        context = stream.codec_context
        return {
            "width": int(context.width or 0) if context else 0,
            "height": int(context.height or 0) if context else 0,
            "profile": str(getattr(context, "profile", None) or ""),
            "level": max(0, int(getattr(context, "level", 0) or 0)),
            "bitrate": round(sum(self._sizes.values()) * 8 / length) if length > 0 else 0,
            "peak_bitrate": peak * 2 if length >= 4 else round(peak * 8 / length) if length > 0 else 0,
            "keyframe_gap_s": _longest_gap([*sorted(self._keys), end]) if self._keys else length,
            "picture_gap_s": _longest_gap(times),
            "is_interlaced": self.is_interlaced,
            # A film that is kept is measured from its first picture on.
            "begins_clean": bool(self._begins_clean and times and times[0] - first < LATE_MAX_S),
            "sound_profile": str(getattr(heard, "profile", None) or ""),
            "sound_rate": int(getattr(heard, "sample_rate", 0) or 0),
            "is_flipped": self.is_flipped,
            "changes": len(self._headers) > 1,
        }


def _header_in(data: bytes) -> list[bytes]:
    """H.264's description of the pictures, when a packet of a transport stream begins with one."""
    if not data.startswith((b"\0\0\1", b"\0\0\0\1")):
        return []
    return [unit.rstrip(b"\0") for unit in data.split(b"\0\0\1") if unit and unit[0] & 0x1F == 7]


def _longest_gap(times: list[float]) -> float:
    return max((right - left for left, right in pairwise(times)), default=0.0)


def _first_look(packet: Any, scan: _Scan) -> tuple[int | None, Fraction | None]:
    """Decode until the first frame: rotation in degrees and the shape of a pixel stand there. None: not yet."""
    try:
        frames = packet.decode()
    except av.error.FFmpegError:
        return None, None
    if not frames:
        return None, None
    scan.is_interlaced = bool(frames[0].interlaced_frame)
    scan.is_flipped = any("DISPLAYMATRIX" in str(side.type) and _is_flip(side) for side in frames[0].side_data)
    return int(frames[0].rotation), frames[0].sample_aspect_ratio if hasattr(frames[0], "sample_aspect_ratio") else None


def _is_flip(matrix: Any) -> bool:
    """Whether a display matrix stands the pictures on their head or mirrors them, which is no rotation."""
    a, b, _, c, d = struct.unpack("=5i", bytes(matrix)[:20])
    return bool(a * d - b * c < 0)


def _picture(
    stream: Any,
    starts: dict[int, float],
    ends: dict[int, float],
    counts: dict[int, int],
    rotation: int | None,
    sample: Fraction | None,
) -> dict[str, Any]:
    context = stream.codec_context
    if context is None:  # it goes by a name that nobody knows
        return {**_NO_PICTURE, "index": stream.index}
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
