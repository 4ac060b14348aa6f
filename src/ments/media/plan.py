"""What is to be made of an original, step by step, and what the steps have made. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ments.media.ladder import PROGRESSIVE, plan_ladder
from ments.media.model import MediaKind, Probe, Rendition, Variant


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the work whose files can be kept when a later one fails.

    name       the same in every run of a job, also under the next version
    share      of the whole work, all steps together 1
    rendition  for the steps of a video
    """

    name: str
    share: float
    rendition: Rendition | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known of an original once it was looked at. `probe` is None for a photo."""

    kind: MediaKind
    probe: Probe | None

    def list_steps(self) -> tuple[Step, ...]:
        """The steps in their order: what plays comes first.

        Raises UnplayableMedia when there is no picture that can be shown.
        """
        if self.kind is not MediaKind.VIDEO or self.probe is None:
            return (Step(self.kind.value, 1.0),)
        renditions = plan_ladder(self.probe, PROGRESSIVE)
        share = 0.95 / len(renditions)
        return (
            *(Step(rendition.name, share, rendition) for rendition in renditions),
            Step("poster", 0.05, renditions[-1]),
        )


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
    """

    files: tuple[MadeFile, ...]
    variants: tuple[Variant, ...] = ()
    duration_s: float | None = None
    poster_file: str | None = None
    blurhash: str | None = None


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
    """Put together what the steps have made, in their order; the largest variant gives the size."""
    variants = tuple(variant for piece in pieces for variant in piece.variants)
    largest = max(variants, key=lambda variant: variant.width, default=None)
    seen = largest if plan.kind is not MediaKind.AUDIO else None
    return Outputs(
        kind=plan.kind,
        width=seen.width if seen else None,
        height=seen.height if seen else None,
        duration_s=next((piece.duration_s for piece in pieces if piece.duration_s is not None), None),
        poster_file=next((piece.poster_file for piece in pieces if piece.poster_file), None),
        blurhash=next((piece.blurhash for piece in pieces if piece.blurhash), None),
        variants=variants,
        probe=plan.probe,
    )
