"""Turn the photo /in (argv[1]) into files in the folder argv[2], and print what was made as one JSON object.

argv[3] says which: `webp` (the default) or `avif` for all sizes, `poster` for one WebP of 640 px.
Prints {"error": code, ...}, or {"width", "height", "blurhash", "files": [{"file", "name", "width", "height"}]}; sizes
in px, upright, `width` and `height` those of the largest.
Nothing of the original but its pixels is written: no EXIF, no place, no colour profile (pixels become sRGB).
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from pathlib import Path
from typing import Any

from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "HEIF")
PIXELS_MAX = 66_000_000
"""A phone's 64 megapixels. All of them are held in memory at once."""
JPEG_PIXELS_MAX = 210_000_000
"""A phone's 200 megapixels: a JPEG is decoded at a half, a quarter or an eighth of its size."""
SCANS_MAX = 100
"""Programs write ten. Each goes over all the pixels, and 3 MB hold 30,000 of them."""
SIZES = (320, 640, 1280, 2048)
POSTER_SIZE = 640
BLURHASH_SIZE = 32
"""A pure-Python blurhash costs 3 ms at 32 px and 1339 ms at 640 px."""
CLOSE = 0.95
"""Within 5% of the largest size a picture stays as it is: half of a 12 megapixel JPEG is, and needs no resizing."""
APART = 0.85
"""A size is made only where the picture is clearly larger: two files of nearly one size serve nobody."""
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's orientations."""
SAVING: dict[str, dict[str, Any]] = {
    "webp": {"quality": 80, "method": 2},  # 3 and more: 4% fewer bytes for 2.4 times the CPU
    "avif": {"quality": 55, "speed": 8, "max_threads": 1},  # measured: the VMAF of the WebP with 23% fewer bytes
}
LARGEST = {"webp": SIZES[-1], "avif": SIZES[-1], "poster": POSTER_SIZE}


def main(source: str, folder: str, verb: str = "webp") -> dict[str, Any]:
    warnings.simplefilter("ignore")  # Pillow warns of large pictures; the cap below decides
    Image.MAX_IMAGE_PIXELS = None
    if _is_heif(source):
        import pillow_heif  # costs 0.1 s

        pillow_heif.register_heif_opener()
    opened = False
    try:
        with Image.open(source, formats=FORMATS) as image:
            opened = True
            jpeg = image.format in ("JPEG", "MPO")  # MPO: what phones with two lenses write
            # All scans of a progressive one are held, whatever the size that is asked for.
            cap = JPEG_PIXELS_MAX if jpeg and not image.info.get("progressive") else PIXELS_MAX
            if image.width * image.height > cap:
                return {"error": "too_many_pixels", "width": image.width, "height": image.height, "limit": cap}
            if image.info.get("progressive") and Path(source).read_bytes().count(b"\xff\xda") > SCANS_MAX:
                return {"error": "too_many_scans"}
            if jpeg:
                image.draft(None, _fit(image.size, round(LARGEST[verb] * CLOSE)))
            picture = _upright_srgb(image, LARGEST[verb])
        return _write(picture, Path(folder), verb)
    except MemoryError:
        return {"error": "too_much_memory"}
    except Exception as error:  # whatever a decoder raises on a hostile file means the same to its author
        cause = f"{type(error).__name__}: {error}"[:300]
        return {"error": "cut_off" if opened and "truncated" in cause.lower() else "unreadable", "cause": cause}


def _is_heif(source: str) -> bool:
    with Path(source).open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] != b"avif"


def _size_of(sides: tuple[int, int]) -> float:
    """How large a picture is, in px: its long side. Beyond 2:1 twice the short one, so that the words on a long
    screenshot stay legible; of a strip beyond 8:1 a quarter of the long one.
    """
    short, long = sorted(sides)
    return max(min(long, 2 * short), long / 4)


def _fit(sides: tuple[int, int], size: int) -> tuple[int, int]:
    scale = min(1.0, size / _size_of(sides))
    return max(1, round(sides[0] * scale)), max(1, round(sides[1] * scale))


def _upright_srgb(image: Image.Image, largest: int) -> Image.Image:
    """Shrink first, then turn and convert the small picture."""
    image.load()
    profile, orientation = image.info.get("icc_profile"), _orientation(image)
    clear = image.has_transparency_data
    picture: Image.Image = image
    if image.mode.startswith("I;16"):
        picture = image.point(lambda value: value / 256).convert("L")
    elif image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK") or (clear and image.mode not in ("LA", "RGBA")):
        picture = image.convert("RGBA" if clear else "RGB")
    if _size_of(picture.size) * CLOSE > largest:
        picture = picture.resize(_fit(picture.size, largest), Image.Resampling.BICUBIC, reducing_gap=2.0)
    if clear and picture.mode == "LA":
        picture, profile = picture.convert("RGBA"), None
    if orientation in UPRIGHT:
        picture = picture.transpose(UPRIGHT[orientation])
    picture = _srgb(picture, profile)
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")  # nothing shines through
    picture.info = {}  # what some writers take over from here
    return picture


def _orientation(image: Image.Image) -> Any:
    try:
        return image.getexif().get(0x0112)
    except Exception:  # EXIF is a format of its own to be broken; the picture is as it was sent then
        return None


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if not profile:
        return image.convert(mode)
    from PIL import ImageCms  # most photos need none

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if image.mode in ("RGB", "RGBA") and "sRGB" in ImageCms.getProfileDescription(source):
            return image
        target = ImageCms.createProfile("sRGB")
        colours = image.convert("RGB") if mode == "RGBA" else image
        made = ImageCms.profileToProfile(colours, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        made = None  # a broken profile is no reason to refuse the picture
    if made is None:
        return image.convert(mode)
    if mode == "RGBA":  # the profile is of the colours; the alpha is laid over again
        made.putalpha(image.getchannel("A"))
    return made


def _write(picture: Image.Image, folder: Path, verb: str) -> dict[str, Any]:
    whole = picture.size
    files: list[dict[str, Any]] = []
    for size in _list_sizes(whole, verb):
        if files:
            picture = picture.resize(_fit(whole, size), Image.Resampling.BICUBIC)  # each from the next larger one
        name = "poster" if verb == "poster" else f"w{size}"
        kind = "avif" if verb == "avif" else "webp"
        picture.save(folder / f"{name}.{kind}", kind.upper(), **SAVING[kind])
        files.append({"file": f"{name}.{kind}", "name": name, "width": picture.width, "height": picture.height})
    shape = "" if verb == "avif" else _hash(picture)
    return {"width": whole[0], "height": whole[1], "blurhash": shape, "files": files}


def _list_sizes(sides: tuple[int, int], verb: str) -> list[int]:
    """The sizes to make, largest first: the picture's own, and those that are clearly smaller."""
    own = max(1, round(_size_of(sides)))
    return [own] if verb == "poster" else [own, *(size for size in reversed(SIZES) if size < own * APART)]


def _hash(picture: Image.Image) -> str:
    import blurhash  # a later AVIF needs none

    across, down = (4, 3) if picture.width >= picture.height else (3, 4)
    tiny = picture.resize(_fit(picture.size, BLURHASH_SIZE), Image.Resampling.BICUBIC)
    if tiny.mode == "RGBA":
        tiny = Image.alpha_composite(Image.new("RGBA", tiny.size, "white"), tiny)
    tiny = tiny.convert("RGB")
    rows = [[tiny.getpixel((x, y)) for x in range(tiny.width)] for y in range(tiny.height)]
    return str(blurhash.encode(rows, components_x=across, components_y=down))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201 (the answer)
