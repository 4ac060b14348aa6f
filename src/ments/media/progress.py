"""How far a film is that plays already: each size of it, and what is left. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ments.media.shown import RenditionView
from ments.media.tracks import WantedPart

_SAID_FROM = 0.02
"""Before so much of the rest is done nobody can say how long it takes."""


def list_renditions(parts: Sequence[WantedPart], told: Mapping[str, float]) -> list[RenditionView]:
    """How far each size is, smallest first.

    told  {piece: how much of all that is left it has done}, by those that run now
    """
    names = sorted(
        {name for part in parts for name in part.names if name.startswith("v")}, key=lambda name: int(name[1:])
    )
    return [RenditionView(f"{name[1:]}p", _progress_of(name, parts, told)) for name in names]


def estimate_rest(parts: Sequence[WantedPart], told: Mapping[str, float], elapsed_s: float) -> float | None:
    """Seconds until all pieces are made, at the pace since the film plays; None when it is too early to say."""
    wanted = sum(part.share for part in parts)
    done = sum(_done(part, told) for part in parts)
    if wanted <= 0 or done < _SAID_FROM * wanted or elapsed_s <= 0:
        return None
    return round(elapsed_s * (wanted - done) / done, 1)


def _progress_of(name: str, parts: Sequence[WantedPart], told: Mapping[str, float]) -> float:
    making = [part for part in parts if name in part.names]
    wanted = sum(part.share for part in making)
    # What played first costs nothing any more.
    if wanted <= 0:
        return 1.0
    return min(1.0, round(sum(_done(part, told) for part in making) / wanted, 3))


def _done(part: WantedPart, told: Mapping[str, float]) -> float:
    return part.share if part.stored or part.error else min(part.share, told.get(part.name, 0.0))
