"""What an original is good for: whether its pictures may be kept, whether it may be cut, which rungs it gets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ments.media.ladder import LADDER, plan_ladder
from ments.media.model import Probe, Rendition, Rung

KEYFRAME_GAP_MAX_S = 4.0
"""A copied segment begins at a keyframe: with more, seeking and the change of rungs would take too long."""

PICTURE_GAP_MAX_S = 3.0
"""A chunk needs pictures: a second less than the shortest distance of two borders, the 4 s of what plays first.

The second is for times that are rounded, and for a film whose clock begins with a stream that is not shown."""

LEVEL_MAX = 42
"""H.264 level 4.2, 1080 lines at 60 frames/s: what phones and televisions decode in hardware."""

PROFILES = ("Constrained Baseline", "Baseline", "Main", "High")
"""The 8 bit 4:2:0 ones that every browser decodes, as PyAV calls them."""

COPYABLE = ("mov", "matroska", "mpegts", "flv")
"""Containers that say when each picture is shown. AVI does not; programs that mend it guess."""

RATE_MAX = 62.0
NEAR = 0.85
"""A rung that is nearly as large as the copied pictures shows nobody anything new."""


@dataclass(frozen=True, slots=True)
class PacketScan:
    """What reading every packet of a file tells beyond its Probe, which knows the picture as it is shown.

    width, height     of the picture as it is coded, in px: before rotation, and with pixels that may be oblong
    profile, level    of H.264: `High`, 40 for 4.0; empty and 0 for others
    bitrate           bit/s of the picture over the whole length; `peak_bitrate` the most over any 4 s
    keyframe_gap_s    longest time between two keyframes, and from the last one to the end
    picture_gap_s     longest time without a new picture: from the film's beginning to the first, between two, and from
                      when the last is first shown to the film's end, which may be that of the sound
    is_interlaced     lines of two moments in one picture
    begins_clean      the first packet is a keyframe that is shown, at 0 or after, and with the film's beginning
    sound_profile     `LC` for plain AAC; empty for others
    sound_rate        samples/s
    is_flipped        to be shown upside down or mirrored, which may come without a rotation
    changes           the picture's size or kind is another one in the middle
    early_keys        when the keyframes of the first 16 s are shown, in s after the first picture; ascending
    """

    width: int
    height: int
    profile: str
    level: int
    bitrate: int
    peak_bitrate: int
    keyframe_gap_s: float
    picture_gap_s: float
    is_interlaced: bool
    begins_clean: bool
    sound_profile: str
    sound_rate: int
    is_flipped: bool = False
    changes: bool = False
    early_keys: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Extent:
    """Which bytes of a file its beginning is made of, as (start, end).

    looked  what the look at the file may have read beside its index
    firsts  all packets of the first seconds, and of the first pictures; one for each number of seconds that was asked for
    """

    looked: tuple[tuple[int, int], ...]
    firsts: tuple[tuple[tuple[int, int], ...], ...]


@dataclass(frozen=True, slots=True)
class Rungs:
    """The renditions of one source. `copied` is the original's own size when its pictures are kept; others ascend."""

    copied: Rendition | None
    encoded: tuple[Rendition, ...]


def choose_rungs(source: Probe, packets: PacketScan, rungs: Sequence[Rung] = LADDER) -> Rungs:
    """Choose what to encode of a source, and whether its own pictures are the largest rung.

    Never upscales; at least one rendition in all, as plan_ladder. Raises UnplayableMedia as that does.
    """
    encoded = plan_ladder(source, rungs)
    if source.video is None or find_reason_to_encode(source, packets, rungs) is not None:
        return Rungs(None, encoded)
    short = min(source.video.width, source.video.height)
    copied = Rendition(source.video.width, source.video.height, find_cap(short, rungs))
    return Rungs(copied, tuple(rung for rung in encoded if min(rung.width, rung.height) <= short * NEAR))


def find_reason_to_encode(source: Probe, packets: PacketScan, rungs: Sequence[Rung] = LADDER) -> str | None:
    """Why the pictures may not be kept as they are, for the log; None when they may.

    They may when every browser plays them, they cost no more to send than the rung of their size, and a client can
    begin and change rungs in them often enough.
    """
    video = source.video
    if video is None:
        return "no picture"
    cap = find_cap(min(video.width, video.height), rungs)
    reasons = {
        f"the codec is {video.codec}": video.codec != "h264",
        f"the container is {source.container}": source.container not in COPYABLE,
        f"pixels are {video.pixel_format}": video.pixel_format != "yuv420p",
        f"the profile is {packets.profile}": packets.profile not in PROFILES,
        f"the level is {packets.level}": not 0 < packets.level <= LEVEL_MAX,
        f"it is rotated by {video.rotation}": video.rotation != 0,
        "it is mirrored": packets.is_flipped,
        "its pictures change in the middle": packets.changes,
        "it is HDR": video.is_hdr,
        "it is interlaced": packets.is_interlaced,
        "pixels are oblong": (packets.width, packets.height) != (video.width, video.height),
        "a side is odd": video.width % 2 != 0 or video.height % 2 != 0,
        f"it has {video.rate:.0f} frames/s": video.rate > RATE_MAX,
        f"it has {packets.bitrate} bit/s": packets.bitrate > cap,
        f"it has {packets.peak_bitrate} bit/s at times": packets.peak_bitrate > 2 * cap,
        f"keyframes are {packets.keyframe_gap_s:.1f} s apart": packets.keyframe_gap_s > KEYFRAME_GAP_MAX_S,
        "it begins in the middle of a group": not packets.begins_clean,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def may_copy_sound(source: Probe, packets: PacketScan) -> bool:
    """Whether the sound may be kept: plain AAC in one or two channels that begins and ends with the pictures.

    Sound that is shorter is encoded, which fills it up with silence: players stop where one of the two ends.
    """
    audio, video = source.audio, source.video
    if audio is None or source.container not in COPYABLE:
        return False
    is_plain = audio.codec == "aac" and packets.sound_profile == "LC" and packets.sound_rate in (44_100, 48_000)
    is_whole = video is None or abs(audio.length_s - video.length_s) < 0.5
    return is_plain and audio.channels in (1, 2) and is_whole


def find_reason_not_to_cut(packets: PacketScan) -> str | None:
    """Why a long film has to be encoded in one piece, for the log; None when it may be cut into chunks."""
    if packets.picture_gap_s > PICTURE_GAP_MAX_S:
        return f"no picture for {packets.picture_gap_s:.1f} s"
    return None


def find_cap(short_side: int, rungs: Sequence[Rung] = LADDER) -> int:
    """What pictures of this size may cost, in bit/s: the lowest rung that is not smaller, or else the top one."""
    return next((rung.video_bitrate for rung in rungs if rung.short_side >= short_side), rungs[-1].video_bitrate)
