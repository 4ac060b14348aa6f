"""What captions are: their language, their name, the names of their files. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from uuid import UUID

from ments.errors import Invalid, NotFound

LANGUAGES_MAX = 40
LABEL_MAX = 60
_FILE = re.compile(r"[A-Za-z0-9-]{2,12}-\d+\.(?:vtt|m3u8)")
_TAG = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caption:
    """Captions in one language.

    language    a checked tag: `pt-BR`
    number      never given twice, whatever the media
    label       as people call them, from their author
    generation  the folder of the film's files where they lie, too; None until they do
    """

    language: str
    number: int
    label: str
    generation: str | None

    @property
    def file(self) -> str:
        return f"{self.language}-{self.number}.vtt"

    @property
    def playlist(self) -> str:
        return f"{self.language}-{self.number}.m3u8"

    def key(self, media_id: UUID) -> str:
        """Where they lie whatever becomes of the film's generations; the edge serves nothing from there."""
        return f"media/{media_id}/captions/{self.file}"


@dataclass(frozen=True, slots=True)
class CaptionView:
    """Captions as they leave. `url` is None until the film plays, or for who may not fetch it."""

    language: str
    label: str
    url: str | None


@dataclass(frozen=True, slots=True)
class CaptionsWanted:
    """The captions of these media changed, or the folder did from which they are served."""

    media_id: UUID


class CaptionsRefused(Invalid):
    """What was sent are no captions that could be shown; `safe` says in which line."""

    code = "captions_refused"


class CaptionsNotFound(NotFound):
    """There are no captions in this language."""

    code = "captions_not_found"


def check_language(tag: str) -> str:
    """A language's tag in its usual spelling: `de`, `pt-BR`, `zh-Hans`, `es-419`. Raises CaptionsRefused."""
    match = _TAG.fullmatch(tag.strip())
    if match is None:
        raise CaptionsRefused(
            "Name the language by its tag, such as en, de or pt-BR.",
            code="unknown_language",
            extra={"field": "language"},
        )
    language, script, region = match.groups()
    parts = [language.lower(), script.title() if script else None, region.upper() if region else None]
    return "-".join(part for part in parts if part)


def clean_label(label: str) -> str:
    """What captions are called: no control or direction marks, at most 60 characters; may be empty."""
    plain = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in label)
    return " ".join(plain.split())[:LABEL_MAX].strip()


def is_of_captions(file: str) -> bool:
    """Whether a file beside a film's own is of its captions: one of them, its playlist, or a playlist that lists them."""
    return _FILE.fullmatch(file) is not None
