"""What was found in a file so far, and the answer that it comes to."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

import av
import av.error

from ments.media.inside.packet_scan import Scan

GUESSED_LENGTH = {"mp3", "aac", "mpegts", "mpeg", "wav", "gif"}
"""Containers that carry no length, or one that writers of streams leave wrong."""
SQUARE = 0.005
"""What was scaled to even sides says 1280:1281 of its pixels: less than half a pixel in a hundred is nobody's wish."""
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


class Found:
    """What was found so far: times in s, by the streams' indices; `count` of the pictures that are shown."""

    def __init__(self, container: Any, shown: int | None) -> None:
        self._container = container
        self.video = container.streams[shown] if shown is not None else None
        # Phones put a second sound that only they can read behind one that everybody can.
        sounds = sorted(container.streams.audio, key=lambda stream: not has_decoder(stream))
        self.audio = sounds[0] if sounds else None
        self.streams = [stream for stream in (self.video, self.audio) if stream is not None]
        self.starts: dict[int, float] = {}
        self.ends: dict[int, float] = {}
        self.count = 0
        self.scan = Scan()
        self.rotation: int | None = None
        self._sample: Fraction | None = None

    def look(self, packet: Any) -> None:
        """Decode until the first picture: how it is to be shown stands there."""
        self.rotation, self._sample = _first_look(packet, self.scan)

    def tell(self) -> dict[str, Any]:
        video, starts, ends = self.video, self.starts, self.ends
        name = self._container.format.name.split(",")[0]
        first, last = min(starts.values(), default=0.0), max(ends.values(), default=0.0)
        claimed = None
        if name not in GUESSED_LENGTH and self._container.duration:
            claimed = self._container.duration / 1_000_000
            if name == "avi" and video is not None:
                # Where the index is missing the demuxer takes what it finds for the whole; the header knows better.
                claimed = max(claimed, float(video.frames * video.time_base))
        end = ends.get(video.index, 0.0) if video is not None else 0.0
        return {
            "container": name,
            "claimed_s": claimed,
            "length_s": last - first,
            "video": {
                **_picture(video, starts, ends, self.count, self.rotation, self._sample),
                "is_interlaced": self.scan.is_interlaced,
            }
            if video is not None
            else None,
            "audio": _sound(self.audio, starts, ends) if self.audio is not None else None,
            "packets": self.scan.tell(video, self.audio, end, (first, last)) if video is not None else None,
        }


def _first_look(packet: Any, scan: Scan) -> tuple[int | None, Fraction | None]:
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
    count: int,
    rotation: int | None,
    sample: Fraction | None,
) -> dict[str, Any]:
    context = stream.codec_context
    if context is None:  # it goes by a name that nobody knows
        return {**_NO_PICTURE, "index": stream.index}
    width, height = int(context.width or 0), int(context.height or 0)
    shape = sample or stream.sample_aspect_ratio
    if shape and 0.1 < shape < 10 and abs(shape - 1) > SQUARE:
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
        "rate": count / length if length > 0 else 0.0,
        "pixel_format": getattr(context, "pix_fmt", None) or "",
        "transfer": {16: "smpte2084", 18: "arib-std-b67"}.get(int(context.color_trc or 0), ""),
        "length_s": length,
        "decodable": has_decoder(stream) and width > 0 and height > 0,
    }


def _sound(stream: Any, starts: dict[int, float], ends: dict[int, float]) -> dict[str, Any]:
    context = stream.codec_context
    return {
        "index": stream.index,
        "codec": context.name if context is not None else "none",
        "channels": int(context.channels or 0) if context is not None else 0,
        "length_s": ends.get(stream.index, 0.0) - starts.get(stream.index, 0.0),
        "decodable": has_decoder(stream),
    }


def has_decoder(stream: Any) -> bool:
    context = stream.codec_context
    if context is None or not context.name or context.name == "none":
        return False
    try:
        av.codec.Codec(context.name, "r")
    except (av.codec.codec.UnknownCodecError, ValueError):
        return False
    return True


def is_cover(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)
