"""Make a photo's files, and the poster of a sound's cover, in the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ments.errors import Retryable
from ments.media.argv import NICE_LATER, Limits
from ments.media.model import MediaKind, UnplayableMedia, Variant
from ments.media.probe import UNREADABLE
from ments.media.programs import GIB, MIB, decode_answer, run_child
from ments.media.sandbox import Sandbox

WEBP, AVIF = "image/webp", "image/avif"
PHOTO_LIMITS = Limits(wall_s=120, cpu_s=25, memory=GIB, file=32 * MIB)
"""Measured: 12 megapixels in four sizes take 0.5 CPU s, 64 megapixels of PNG with an alpha channel 3 s and 600 MB."""
_LATER = replace(PHOTO_LIMITS, niceness=NICE_LATER)
_POSTER_PX = 600


@dataclass(frozen=True, slots=True)
class _File:
    file: str
    name: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PhotoMade:
    """An upright photo: sizes in px of the largest file."""

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
                content_type=AVIF if file.file.endswith(".avif") else WEBP,
                width=file.width,
                height=file.height,
                bytes=(folder / file.file).stat().st_size,
                bitrate=0,
            )
            for file in self.files
        ]
        return tuple(sorted(made, key=lambda variant: variant.width * variant.height))

    @property
    def poster_file(self) -> str:
        """The file that stands for the photo in lists and tiles: the smallest with a side of 600 px, else the largest."""
        large_enough = [file for file in self.files if max(file.width, file.height) >= _POSTER_PX]
        if large_enough:
            return min(large_enough, key=lambda file: file.width * file.height).file
        return max(self.files, key=lambda file: file.width * file.height).file


async def make_photo(sandbox: Sandbox, source: Path, folder: Path) -> PhotoMade:
    """Write a photo as WebP of its own size, 2048 at most, and of 1280, 640 and 320 where it is clearly larger.

    A size is the long side in px; of a picture beyond 2:1 it is twice the short one. Files are called `w{size}.webp`.
    Raises UnplayableMedia with words for the author, Retryable when the machine was at fault.
    """
    return _read(await run_child(sandbox, "photo", source, folder, lambda out: [out], PHOTO_LIMITS))


async def make_avif(sandbox: Sandbox, source: Path, folder: Path, webp: Sequence[Variant]) -> tuple[Variant, ...]:
    """Write the same sizes as AVIF, `w{size}.avif`: what takes most of the CPU, and can come later.

    source  the original that the WebP variants were made of
    Returns variants, smallest first, only of those sizes where AVIF takes fewer bytes than the WebP; the other files
    are removed. Raises as make_photo does.
    """
    made = _read(await run_child(sandbox, "photo", source, folder, lambda out: [out, "avif"], _LATER))
    at_most = {variant.name: variant.bytes for variant in webp if variant.content_type == WEBP}
    kept = []
    for variant in made.variants(folder):
        if variant.bytes < at_most.get(variant.name, 0):
            kept.append(variant)
        else:
            await asyncio.to_thread((folder / variant.file).unlink)
    return tuple(kept)


async def make_poster(sandbox: Sandbox, source: Path, folder: Path) -> PhotoMade:
    """Write `poster.webp`, 640 px at most, of a picture such as a sound's cover. Raises as make_photo does."""
    return _read(await run_child(sandbox, "photo", source, folder, lambda out: [out, "poster"], PHOTO_LIMITS))


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
        case "too_many_scans":
            raise UnplayableMedia(
                "Reading this photo takes more time than we give to one. Save it anew in your photo app, and send it again.",
                code="too_heavy",
            )
        case "too_much_memory":
            raise UnplayableMedia("Reading this photo takes more memory than we give to one.", code="too_heavy")
        case _:
            raise UnplayableMedia(UNREADABLE, code="unreadable")
