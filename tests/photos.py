"""Photos as cameras, programs and attackers write them, made on the spot."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path

import pillow_heif
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

PLACE = b"48.8577N-SecretPlace"
"""Stands in every piece of metadata that a format can carry."""
SCRIPT = b"<html><script>alert(1)</script></html>"


def picture(size: tuple[int, int] = (90, 60), mode: str = "RGB") -> Image.Image:
    """Shades that compress like a photo; red at the top left, blue at the bottom right."""
    shade = Image.linear_gradient("L").resize(size)
    across = shade.transpose(Image.Transpose.ROTATE_90).resize(size)
    image = Image.merge("RGB", (shade.point(lambda v: 255 - v), across, shade))
    return image if mode == "RGB" else image.convert(mode)


def marked_exif(orientation: int = 1) -> bytes:
    """EXIF with a place, a camera's name and an orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = PLACE.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 42.0), 29: PLACE.decode()})
    return exif.tobytes()


def marked_xmp() -> bytes:
    return b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF>" + PLACE + b"</rdf:RDF></x:xmpmeta>"


def save_marked(path: Path, *, size: tuple[int, int] = (90, 60), orientation: int = 1) -> Path:
    """A photo of the format that the suffix names, with all the metadata that it takes."""
    pillow_heif.register_heif_opener()
    image, exif = picture(size), marked_exif(orientation)
    match path.suffix:
        case ".gif":
            image.convert("P").save(path, comment=PLACE)
        case ".png":
            info = PngInfo()
            info.add_text("Comment", PLACE.decode())
            image.save(path, exif=exif, pnginfo=info)
        case ".mpo":
            image.save(path, "MPO", exif=exif, save_all=True, append_images=[picture(size)])
        case ".jpg":
            image.save(path, exif=exif, xmp=marked_xmp(), comment=PLACE)
        case _:
            image.save(path, exif=exif, xmp=marked_xmp())
    return path


def swap_profile() -> bytes:
    """A profile of its own: sRGB's curves and colours, under another name than sRGB's."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"s\0R\0G\0B", b"o\0w\0n\0 ").replace(b"sRGB", b"own ")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def deep_png() -> bytes:
    """90x60 px of red in 16 bits a channel, which Pillow reads but does not write."""
    header = struct.pack(">IIBBBBB", 90, 60, 16, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\xc8\x01\0\0\0\0" * 90) * 60)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_that_claims(width: int, height: int, more: bytes = b"") -> bytes:
    """A PNG whose header tells a size, and whose pixels are a few bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + pixels + chunk(b"IEND", b"")


def jpeg_that_claims(width: int, height: int) -> bytes:
    """A whole small JPEG whose header tells another size."""
    data = bytearray(saved("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def jpeg_of_scans(count: int) -> bytes:
    """A progressive JPEG that repeats its last scan."""
    data = saved("JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + data[-2:]


def webp_that_claims(width: int, height: int) -> bytes:
    """A WebP whose canvas tells a size (each side 1 to 2^24)."""
    canvas = b"\x10\0\0\0" + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    frame = saved("WEBP")[12:]
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + canvas + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def saved(kind: str, **options: object) -> bytes:
    """A small photo of a format, as bytes."""
    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    picture().save(file, kind, **options)
    return file.getvalue()


def exif_that_loops() -> bytes:
    """A directory whose next one, and whose place, is itself."""
    entries = struct.pack("<HHHII", 2, 0x8825, 4, 1, 8) + struct.pack("<HHII", 0x8769, 4, 1, 8)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + entries + struct.pack("<I", 8)


def noise(n: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(n)


def damaged(data: bytes, seed: int, *, spots: int = 20) -> bytes:
    """A file with a few bytes of its first half changed, always the same for one seed."""
    chance = random.Random(seed)
    spoilt = bytearray(data)
    for _ in range(spots):
        spoilt[chance.randrange(12, max(13, len(data) // 2))] = chance.randrange(256)
    return bytes(spoilt)
