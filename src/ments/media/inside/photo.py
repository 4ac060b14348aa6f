"""Turn the photo /in (argv[1]) into WebP files in the folder argv[2], and print what was made as one JSON object.

Prints {"error": code, ...}, or {"width", "height", "blurhash", "files": [{"file", "name", "width", "height"}]};
sizes in px, upright. With argv[3] = "blurhash" nothing is written and `files` is empty (for a video's poster).
Nothing of the original but its pixels is written: no EXIF, no place, no colour profile (pixels become sRGB).
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import blurhash
import pillow_heif
from PIL import Image, ImageCms, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "HEIF")
PIXELS_MAX = 64_000_000
JPEG_PIXELS_MAX = 130_000_000
"""A JPEG is decoded at a half, a quarter or an eighth of its size, so it may be larger."""
LONG_SIDE = 2048
SMALL_SIDE = 640
BLURHASH_SIDE = 32
"""A pure-Python blurhash costs 3 ms at 32 px and 1339 ms at 640 px."""


def main(source: str, folder: str, only: str = "") -> dict[str, Any]:
    warnings.simplefilter("ignore")  # Pillow warns of large pictures; the cap below decides
    Image.MAX_IMAGE_PIXELS = None
    pillow_heif.register_heif_opener()
    opened = False
    try:
        with Image.open(source, formats=FORMATS) as image:
            opened = True
            jpeg = image.format in ("JPEG", "MPO")  # MPO: what phones with two lenses write
            cap = JPEG_PIXELS_MAX if jpeg else PIXELS_MAX
            if image.width * image.height > cap:
                return {"error": "too_many_pixels", "width": image.width, "height": image.height, "limit": cap}
            if jpeg:
                image.draft("RGB", (LONG_SIDE, LONG_SIDE))
            return _write(_upright_srgb(image), Path(folder), only)
    except MemoryError:
        return {"error": "too_much_memory"}
    except Exception as error:  # whatever a decoder raises on a hostile file means the same to its author
        cause = f"{type(error).__name__}: {error}"[:300]
        return {"error": "cut_off" if opened and "truncated" in cause.lower() else "unreadable", "cause": cause}


def _upright_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    image.load()
    # The small picture is turned and converted, not the whole one; thumbnail() keeps the shape.
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert("L")
    alpha = image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info
    if image.mode not in ("RGB", "RGBA", "CMYK", "L") or "transparency" in image.info:
        image = image.convert("RGBA" if alpha else "RGB")
    exif = image.getexif()
    image.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    orientation = exif.get(0x0112, 1)
    if orientation in range(2, 9):
        image.getexif()[0x0112] = orientation
        image = ImageOps.exif_transpose(image)
    return _srgb(image, profile, "RGBA" if alpha else "RGB")


def _srgb(image: Image.Image, profile: bytes | None, mode: str) -> Image.Image:
    if profile and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            if image.mode == "RGBA":  # the profile is of the colours; the alpha is laid over again
                colours = ImageCms.profileToProfile(image.convert("RGB"), source, target, outputMode="RGB") or image
                colours.putalpha(image.getchannel("A"))
                return colours
            return ImageCms.profileToProfile(image, source, target, outputMode="RGB") or image.convert(mode)
        except ImageCms.PyCMSError:
            return image.convert(mode)  # a broken profile is no reason to refuse the picture
    return image.convert(mode)


def _write(image: Image.Image, folder: Path, only: str) -> dict[str, Any]:
    small = image.copy()
    small.thumbnail((SMALL_SIDE, SMALL_SIDE), Image.Resampling.LANCZOS)
    files = []
    if not only:
        for name, picture in (("large", image), ("small", small)):
            file = f"{name}.webp"
            Image.frombytes(picture.mode, picture.size, picture.tobytes()).save(
                folder / file, "WEBP", quality=80 if name == "large" else 75, method=2
            )
            files.append({"file": file, "name": name, "width": picture.width, "height": picture.height})
    tiny = small.convert("RGB")
    tiny.thumbnail((BLURHASH_SIDE, BLURHASH_SIDE))
    rows = [[tiny.getpixel((x, y)) for x in range(tiny.width)] for y in range(tiny.height)]
    across, down = (4, 3) if image.width >= image.height else (3, 4)
    return {
        "width": image.width,
        "height": image.height,
        "blurhash": blurhash.encode(rows, components_x=across, components_y=down),
        "files": files,
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201 (the answer)
