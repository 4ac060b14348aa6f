"""The shapes in which media leave, whether alone or in a post."""

from __future__ import annotations

from dataclasses import dataclass

from ments.media.model import MediaKind


@dataclass(frozen=True, slots=True)
class VariantView:
    """One file that can be fetched. Sizes in px and bytes, bitrate in bit/s (0 for photos)."""

    name: str
    kind: MediaKind
    url: str
    content_type: str
    width: int
    height: int
    size: int
    bitrate: int


@dataclass(frozen=True, slots=True)
class ErrorView:
    """Why media will not play, in words for the author. `can_retry`: the same file may come out well another time."""

    code: str
    message: str
    can_retry: bool = False


@dataclass(frozen=True, slots=True)
class RenditionView:
    """How far one size of a film is, from 0 to 1: `240p`."""

    name: str
    progress: float
