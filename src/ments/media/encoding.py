"""What one run of the encoder is to do: a chunk of a film into rungs, or a whole film as it is. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ments.media.chunks import Span
from ments.media.model import AudioStream, Rendition, VideoStream
from ments.media.storyboard import Storyboard

AUDIO_NAME = "a128"
"""What the names of the sound's files begin with: AAC, 128 kbit/s, stereo."""

SEGMENT_S = 4
"""Two keyframes: half the files and requests of one."""

PREROLL_STEP_S = 0.32
"""15 AAC packets exactly, so that the sound before a chunk begins on the film's grid of packets, too."""

_SMALL_PX = 360
"""Up to this short side all of the encoder costs less than the decoder, and every byte counts on a bad line."""

_MIDDLE_PX = 540

INDEXED = ("mov", "matroska", "avi")
"""Containers that know where their keyframes are. In the others a seek lands anywhere before its time."""


@dataclass(frozen=True, slots=True)
class RungEncoding:
    """One rung and what its encoder may cost.

    crf      x264's quality, lower is better
    options  x264's, by its own names (`a=1:b=2`), beside those of the preset
    """

    rendition: Rendition
    preset: str = "veryfast"
    crf: float = 23.0
    options: str = ""

    @property
    def name(self) -> str:
        """What the names of its files begin with."""
        return name_rung(self.rendition)


def name_rung(rendition: Rendition) -> str:
    """What the names of a rung's files begin with: `v720`."""
    return f"v{min(rendition.width, rendition.height)}"


def choose_encoding(rendition: Rendition) -> RungEncoding:
    """The encoder that gives a rung's size the quality of x264's veryfast at 23 for the least CPU (`make bench-media`).

    `superfast` by itself saves more, but at the price of a third more bytes: of what it leaves out, looking 10 pictures
    ahead (rc-lookahead, which mbtree spreads the bits by) and choosing what a block is worth (trellis) are cheap.
    """
    short = min(rendition.width, rendition.height)
    if short <= _SMALL_PX:
        return RungEncoding(rendition, "veryfast", 23.4, "trellis=1")
    # The smaller a picture, the more of what is lost is seen. Each is above the VMAF of veryfast at 23, by 0.2 to 0.5.
    crf = 24.2 if short <= _MIDDLE_PX else 24.5
    return RungEncoding(rendition, "superfast", crf, "mbtree=1:rc-lookahead=10:trellis=1")


@dataclass(frozen=True, slots=True)
class LadderRun:
    """One run over one chunk. Its files are `{name}-{mark}-00000.m4s`..., `{name}-{mark}-init.mp4`, `{name}-{mark}.m3u8`.

    audio       None when another run makes the sound, or there is none
    rungs       1 or more, of different short sides
    mark        what distinguishes the files of this chunk and try: `c003-1`
    preroll_s   what is decoded before the chunk, from find_preroll
    poster      whether to take the poster from this chunk's beginning
    poster_size its size; else that of the rung of 720, or of the largest
    storyboard  only for a chunk that is the whole film
    segment_s   about the length of a segment; a multiple of the keyframes' distance
    threads     of each encoder; they run beside one another anyway
    """

    video: VideoStream
    audio: AudioStream | None
    span: Span
    rungs: tuple[RungEncoding, ...]
    mark: str
    preroll_s: float = PREROLL_STEP_S
    poster: bool = False
    poster_size: Rendition | None = None
    storyboard: Storyboard | None = None
    segment_s: int = SEGMENT_S
    threads: int = 1

    @property
    def seek_s(self) -> float:
        """Where reading begins, in s from the film's beginning."""
        return max(0.0, round(self.span.start_s - self.preroll_s, 2))

    @property
    def stop_s(self) -> float | None:
        """Where reading ends; None for the film's end. The last sound packet needs some of what follows."""
        return None if self.span.is_last else self.span.end_s + PREROLL_STEP_S

    @property
    def cascade(self) -> list[RungEncoding]:
        """The rungs, largest first: each is scaled from the one before."""
        return sorted(self.rungs, key=lambda rung: rung.rendition.width * rung.rendition.height, reverse=True)

    @property
    def poster_rung(self) -> RungEncoding | None:
        """The rung that the poster is taken from: 720, or else the largest."""
        if not self.poster:
            return None
        return next((rung for rung in self.cascade if rung.name == "v720"), self.cascade[0])


@dataclass(frozen=True, slots=True)
class CopyRun:
    """One run over an original whose pictures are kept as they are. Its files are named as a LadderRun's.

    copy_audio  whether the sound may be kept, too; else it is encoded
    length_s    of the film: sound is filled up with silence until there
    name        what the names of the pictures' files begin with: `v1080`
    stop_s      where reading ends; None for the film's end
    """

    video: VideoStream
    audio: AudioStream | None
    copy_audio: bool
    length_s: float
    name: str
    mark: str
    segment_s: int = SEGMENT_S
    stop_s: float | None = None


def find_preroll(container: str, keyframe_gap_s: float) -> float:
    """How much before a chunk the decoder has to begin, in s; a multiple of PREROLL_STEP_S.

    container       the demuxer's name
    keyframe_gap_s  the longest time between two keyframes of the original, 0 or more
    """
    if container in INDEXED:
        return PREROLL_STEP_S  # for the sound's sake: decoders and the encoder need some packets to settle
    return round(PREROLL_STEP_S * math.ceil((keyframe_gap_s + 1) / PREROLL_STEP_S), 2)
