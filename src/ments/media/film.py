"""Into which pieces the work on one film is cut, and in which order they are made. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ments.media.argv import NICE_FIRST, NICE_LATER
from ments.media.chunks import BORDER_S, CHUNK_S, Span, cut_film
from ments.media.encoding import AUDIO_NAME, PREROLL_STEP_S, find_preroll, name_rung
from ments.media.ladder import LADDER, plan_ladder
from ments.media.model import Probe, Rendition, UnplayableMedia
from ments.media.source import PacketScan, Rungs, choose_rungs, find_reason_not_to_cut, may_copy_sound

FIRST_S = 4
"""What plays first is so long: one segment, a CPU s of 1080p."""

_STEPS_S = (FIRST_S, 8, 16)
"""The pieces of the lowest rung that a film begins with. Each is made while the one before is watched."""

_REST_MIN_S = 4
"""A piece is not cut off for less than this."""

POSTER_S = 8.0
"""The poster of a film that is kept is chosen from so much of it."""

PLAYABLE_AT = 0.2
STORED_AT = 0.97
"""How far media are once they play, and once all of their pieces are stored."""

REACHES_S = (5.0, 20.0)
"""What is fetched of a long film before it plays: what plays first is made of it, with what is read beyond. The less for
what is encoded, the more for what is kept."""

CUT_S = 8.0
"""A film that is kept is cut at its first keyframe from here on, so that its first seconds do not wait for the rest."""

_CUT_MAX_S = 12.0
_CUT_LENGTH_S = 24.0
_AFTER_CUT_S = 5.0
"""What is read beyond the cut: until the next keyframe at least, and the end of a segment of sound."""

_KEYFRAME_GAP_S = 10.0
"""What encoders leave between keyframes at most, unless they were told otherwise."""

_DECODE_COST = 0.35
_COPY_COST = 0.01
"""Of a pixel that is decoded, and of one that is kept, against one that is encoded."""


@dataclass(frozen=True, slots=True)
class PieceWork:
    """What one run of the encoder makes: some rungs of a part of a film. Any one rung of any chunk may be asked for.

    name      `first-000`, `ladder-002`, `copy-000`; the same in every run
    copies    the pictures are kept as they are, and nothing is scaled; copies_sound: alike
    preroll_s what is decoded before its beginning
    is_first  the film can't be played to its end without it
    share     of all work that is left once media play, from 0 to 1
    """

    name: str
    span: Span
    renditions: tuple[Rendition, ...]
    sound: bool
    is_first: bool
    copies: bool = False
    copies_sound: bool = False
    preroll_s: float = PREROLL_STEP_S
    share: float = 0.0

    @property
    def stop_s(self) -> float | None:
        """Where reading ends that makes it, in s from the film's beginning; None for the film's end."""
        if self.span.is_last:
            return None
        return self.span.end_s + (_AFTER_CUT_S if self.copies else PREROLL_STEP_S)

    @property
    def niceness(self) -> int:
        return NICE_FIRST if self.is_first else NICE_LATER

    @property
    def track_names(self) -> tuple[str, ...]:
        names = [name_rung(rendition) for rendition in self.renditions]
        return (*names, *([AUDIO_NAME] if self.sound else []))

    def mark(self, lease: int) -> str:
        """What distinguishes its files from those of other pieces and runs."""
        return f"c{self.span.index:03d}-{lease}"


def plan_film(probe: Probe, packets: PacketScan | None = None, *, chunk_s: int = CHUNK_S) -> tuple[PieceWork, ...]:
    """Cut the work on a film into pieces; the first one is what plays first.

    packets  what may be kept of the original, and whether it may be cut; None: nothing may be kept
    chunk_s  films that are longer than nearly two of these are cut

    Raises UnplayableMedia when there is no picture that can be shown.
    """
    rungs = choose_rungs(probe, packets) if packets else Rungs(None, plan_ladder(probe, LADDER))
    if probe.video is None:
        raise UnplayableMedia("There is no moving picture in this file.", code="no_picture")
    sound = probe.audio is not None
    whole = Span(0, 0, probe.length_s, True)
    may_cut = packets is None or find_reason_not_to_cut(packets) is None
    spans = cut_film(probe.length_s, chunk_s=chunk_s, whole_max_s=2 * chunk_s - BORDER_S) if may_cut else (whole,)
    if rungs.copied is not None and packets is not None:
        keeps_sound = may_copy_sound(probe, packets)
        first = [
            PieceWork(
                f"copy-{span.index:03d}", span, (rungs.copied,), sound, True, copies=True, copies_sound=keeps_sound
            )
            for span in _cut_kept(whole, packets)
        ]
        rest = rungs.encoded
    else:
        first_spans = _cut_first(spans) if may_cut else [whole]
        first = [PieceWork(f"first-{span.index:03d}", span, rungs.encoded[:1], sound, True) for span in first_spans]
        rest = rungs.encoded[1:]
    ladder = [PieceWork(f"ladder-{span.index:03d}", span, rest, False, False) for span in spans if rest]
    pixels = probe.video.width * probe.video.height
    left = [*first[1:], *ladder]
    costs = [_cost(work, pixels) for work in left]
    total = sum(costs)
    shares = [0.0, *(cost / total for cost in costs)]
    preroll = find_preroll(probe.container, packets.keyframe_gap_s if packets else _KEYFRAME_GAP_S)
    return tuple(
        replace(work, share=share, preroll_s=preroll) for work, share in zip((first[0], *left), shares, strict=True)
    )


def _cut_first(spans: tuple[Span, ...]) -> list[Span]:
    """The same film with a short beginning, which plays soon."""
    beginning: list[Span] = []
    rest = spans[0]
    for step_s in _STEPS_S:
        if rest.length_s < step_s + _REST_MIN_S:
            break
        end_s = rest.start_s + step_s
        beginning.append(Span(0, rest.start_s, float(end_s), False))
        rest = replace(rest, start_s=end_s)
    return [replace(span, index=index) for index, span in enumerate([*beginning, rest, *spans[1:]])]


def _cut_kept(whole: Span, packets: PacketScan) -> list[Span]:
    """A film that is kept in two parts, where it is long and has a keyframe in time."""
    cut_s = next((key for key in packets.early_keys if CUT_S <= key <= _CUT_MAX_S), None)
    if cut_s is None or whole.length_s <= _CUT_LENGTH_S:
        return [whole]
    return [Span(0, 0, cut_s, False), Span(1, cut_s, whole.end_s, True)]


def _cost(work: PieceWork, source_pixels: int) -> float:
    if work.copies:
        return work.span.length_s * _COPY_COST * source_pixels
    encoded = sum(rendition.width * rendition.height for rendition in work.renditions)
    return work.span.length_s * (_DECODE_COST * source_pixels + encoded)
