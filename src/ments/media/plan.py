"""What is to be made of an original, step by step, and what the steps have made. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ments.media.film import PieceWork
from ments.media.model import MediaKind, Probe, Variant
from ments.media.tracks import Track


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the work whose files can be kept when a later one fails.

    name   the same in every run of a job, also under the next version
    share  of the job's work, all steps together 1
    """

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known of an original once it was looked at. `probe` is None for a photo; `works` are the pieces of a film."""

    kind: MediaKind
    probe: Probe | None
    works: tuple[PieceWork, ...] = ()

    def list_steps(self) -> tuple[Step, ...]:
        """The steps of the job that looked at it. Of a film that is what plays first, with its poster; pieces make the rest."""
        return (Step("first" if self.kind is MediaKind.VIDEO else self.kind.value, 1.0),)


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that a step has made; its name is that in the folder of the generation."""

    name: str
    content_type: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Piece:
    """What one step has made: its files, and what they add to the whole. Length in s.

    variants     those of the files that can be played or shown
    poster_file  the file that stands for the media until they play
    tracks       of a piece of a film
    """

    files: tuple[MadeFile, ...]
    variants: tuple[Variant, ...] = ()
    duration_s: float | None = None
    poster_file: str | None = None
    blurhash: str | None = None
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True, slots=True)
class Outputs:
    """All that was made of an original: lengths in s, sizes in px; the files lie in one generation's folder."""

    kind: MediaKind
    width: int | None
    height: int | None
    duration_s: float | None
    poster_file: str | None
    blurhash: str | None
    variants: tuple[Variant, ...]
    probe: Probe | None


def join_pieces(plan: Plan, pieces: Sequence[Piece]) -> Outputs:
    """Put together what the steps have made, in their order.

    The largest variant gives the size; of a film it is the largest rung that is planned.
    """
    variants = tuple(variant for piece in pieces for variant in piece.variants)
    sizes = [(variant.width, variant.height) for variant in variants if plan.kind is not MediaKind.AUDIO]
    sizes += [(rendition.width, rendition.height) for work in plan.works for rendition in work.renditions]
    width, height = max(sizes, default=(None, None))
    length_s = plan.probe.length_s if plan.probe and plan.works else None
    return Outputs(
        kind=plan.kind,
        width=width,
        height=height,
        duration_s=next((piece.duration_s for piece in pieces if piece.duration_s is not None), length_s),
        poster_file=next((piece.poster_file for piece in pieces if piece.poster_file), None),
        blurhash=next((piece.blurhash for piece in pieces if piece.blurhash), None),
        variants=variants,
        probe=plan.probe,
    )
