"""Which renditions to make of a source. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ments.media.model import Probe, Rendition, Rung, UnplayableMedia

LADDER: tuple[Rung, ...] = (Rung(240, 400_000), Rung(480, 1_400_000), Rung(720, 2_800_000), Rung(1080, 5_000_000))
"""Every step that ments knows, ascending by short side."""

PROGRESSIVE: tuple[Rung, ...] = (Rung(720, 2_800_000),)
"""The size of a poster, and the most of the one file that every browser plays without a playlist."""

LADDER_VERSION = 1
"""Counted up when what is made of an original changes so much that `ments media reprocess` should make it anew."""

NEAR = 0.85
"""A rung that is nearly as large as the source shows nearly all of it."""

SHORTEST_SIDE_PX = 16
"""x264 and phones' decoders work in macroblocks of 16 px; less is no picture."""


def plan_ladder(source: Probe, rungs: Sequence[Rung]) -> tuple[Rendition, ...]:
    """Choose the renditions to encode from one source, smallest first.

    Never upscales: keeps a rung whose short side fits within the source's. A source clearly between two rungs, or
    below the lowest, gets its own size on top, made even (4:2:0 chroma needs even sides).

    source  display size in px after rotation; length in s
    rungs   non-empty; short side in px, video rate in bit/s, ascending by side

    Returns 1..len(rungs) renditions, strictly ascending. Pure.
    Raises UnplayableMedia when there is no picture, the picture is too small, or the length is 0.
    """
    video = source.video
    if video is None or source.length_s <= 0:
        raise UnplayableMedia("There is no moving picture in this file.", code="no_picture")
    short, long = sorted((video.width, video.height))
    if short < SHORTEST_SIDE_PX:
        raise UnplayableMedia(
            f"This video is {video.width} by {video.height} pixels; the smallest we can show is "
            f"{SHORTEST_SIDE_PX} by {SHORTEST_SIDE_PX}.",
            code="too_small",
        )
    fitting = [rung for rung in rungs if rung.short_side <= short]
    kept = tuple(
        _turn(rung.short_side, _even(long * rung.short_side / short), rung.video_bitrate, video.width <= video.height)
        for rung in fitting
    )
    above = next((rung for rung in rungs if rung.short_side > short), None)
    if above is None or (fitting and fitting[-1].short_side > short * NEAR):
        return kept
    return (*kept, _turn(_even(short), _even(long), above.video_bitrate, video.width <= video.height))


def _turn(short: int, long: int, video_bitrate: int, portrait: bool) -> Rendition:
    return Rendition(short, long, video_bitrate) if portrait else Rendition(long, short, video_bitrate)


def _even(side: float) -> int:
    """The largest even number of px that is not above `side`: rounding up would upscale."""
    return int(side + 1e-6) // 2 * 2
