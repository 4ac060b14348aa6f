"""What the packets of a picture tell, one by one: see `media.source.PacketScan`."""

from __future__ import annotations

from array import array
from itertools import compress, pairwise
from typing import Any

LATE_MAX_S = 0.1
EARLY_S = 16.0
"""A film that is kept may be cut at a keyframe of its first so many seconds."""


class Scan:
    """Takes the packets in the order of decoding."""

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

    def take(self, time: float, size: int, *, is_key: bool, is_discard: bool) -> None:
        """One packet, shown at `time` in s; a discarded one is decoded for what follows, and never shown."""
        self.take_all([time], [size], [is_key], [is_discard])

    def take_all(self, times: list[float], sizes: list[int], keys: list[bool], discards: list[bool]) -> None:
        """Many packets, as by `take`."""
        if self._begins_clean is None and times:
            self._begins_clean = keys[0] and not discards[0] and times[0] >= 0
        if any(discards):
            shown = [not is_discard for is_discard in discards]
            times, sizes, keys = list(compress(times, shown)), list(compress(sizes, shown)), list(compress(keys, shown))
        self._times.extend(times)
        self._keys.extend(compress(times, keys))
        had = self._sizes
        for time, size in zip(times, sizes, strict=True):
            place = int(time // 2)
            had[place] = had.get(place, 0) + size

    def wants_headers(self, video: Any) -> bool:
        """Whether its keyframes are to be looked into: elsewhere than in transport streams the headers stand in front."""
        context = video.codec_context
        return bool(context and context.name == "h264" and not is_told_in_front(context))

    def take_keyframe(self, packet: Any) -> None:
        """One that is shown, of a picture that wants_headers."""
        if len(self._headers) < 2:
            self._headers.update(_header_in(bytes(packet)[:1024]))

    def tell(self, stream: Any, sound: Any, end: float, film: tuple[float, float]) -> dict[str, Any]:
        """The fields of PacketScan. `end` of what is shown, and when the `film` with its sound begins and ends, in s."""
        times = sorted(self._times)
        length = end - times[0] if times else 0.0
        keys = sorted(self._keys)
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
            "keyframe_gap_s": _longest_gap([*keys, end]) if keys else length,
            "picture_gap_s": _longest_gap([film[0], *times, film[1]]),
            "is_interlaced": self.is_interlaced,
            # A film that is kept is measured from its first picture on.
            "begins_clean": bool(self._begins_clean and times and times[0] - film[0] < LATE_MAX_S),
            "sound_profile": str(getattr(heard, "profile", None) or ""),
            "sound_rate": int(getattr(heard, "sample_rate", 0) or 0),
            "is_flipped": self.is_flipped,
            "changes": len(self._headers) > 1,
            "early_keys": [key - times[0] for key in keys if key - times[0] <= EARLY_S],
        }


def is_told_in_front(context: Any) -> bool:
    """Whether what decoders have to know stands once before all packets (avcC, hvcC), not in each keyframe."""
    return bytes(context.extradata or b"")[:1] == b"\x01"


def _header_in(data: bytes) -> list[bytes]:
    """H.264's description of the pictures, when a packet of a transport stream begins with one."""
    if not data.startswith((b"\0\0\1", b"\0\0\0\1")):
        return []
    return [unit.rstrip(b"\0") for unit in data.split(b"\0\0\1") if unit and unit[0] & 0x1F == 7]


def _longest_gap(times: list[float]) -> float:
    return max((right - left for left, right in pairwise(times)), default=0.0)
