"""Make a photo's WebP files, and the blurhash of a video's poster, in the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from ments.errors import Retryable
from ments.media.model import MediaKind, UnplayableMedia, Variant
from ments.media.probe import UNREADABLE
from ments.media.programs import decode_answer, run_child
from ments.media.sandbox import Sandbox

WEBP = "image/webp"


@dataclass(frozen=True, slots=True)
class _File:
    file: str
    name: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PhotoMade:
    """An upright photo: sizes in px of the largest file; no files for a poster that was only looked at."""

    width: int
    height: int
    blurhash: str
    files: tuple[_File, ...]

    def variants(self, folder: Path) -> tuple[Variant, ...]:
        """The files in `folder`, as variants, smallest first."""
        made = [
            Variant(
                file=file.file,
                kind=MediaKind.PHOTO,
                name=file.name,
                content_type=WEBP,
                width=file.width,
                height=file.height,
                bytes=(folder / file.file).stat().st_size,
                bitrate=0,
            )
            for file in self.files
        ]
        return tuple(sorted(made, key=lambda variant: variant.width))


async def make_photo(sandbox: Sandbox, source: Path, folder: Path) -> PhotoMade:
    """Write `small.webp` and `large.webp` into `folder`. Raises UnplayableMedia with words for the author."""
    return _read(await run_child(sandbox, "photo", source, folder, lambda out: [out]))


async def look_at_poster(sandbox: Sandbox, poster: Path, folder: Path) -> PhotoMade:
    """The blurhash of a poster that ffmpeg wrote; nothing is written."""
    return _read(await run_child(sandbox, "photo", poster, folder, lambda out: [out, "blurhash"]))


def _read(answer: bytes) -> PhotoMade:
    found = decode_answer(answer)
    match found.get("error"):
        case None:
            try:
                return msgspec.convert(found, PhotoMade)
            except msgspec.ValidationError as error:
                raise Retryable("Preparing this photo went wrong.") from error
        case "too_many_pixels":
            raise UnplayableMedia(
                f"This photo is {found['width']:,} by {found['height']:,} pixels; the most we take is "
                f"{int(str(found['limit'])) // 1_000_000} million pixels.",
                code="too_many_pixels",
            )
        case "cut_off":
            raise UnplayableMedia("This photo is cut off: its end is missing. Send it again.", code="cut_off")
        case "too_much_memory":
            raise UnplayableMedia("Reading this photo takes more memory than we give to one.", code="too_heavy")
        case _:
            raise UnplayableMedia(UNREADABLE, code="unreadable")
