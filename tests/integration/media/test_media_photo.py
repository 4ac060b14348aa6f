"""Photos through the real child in the sandbox: what comes out, and what is refused in words."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from PIL import Image, ImageOps

import photos
from ments.errors import MentsError
from ments.media.argv import Limits, child_argv
from ments.media.model import UnplayableMedia
from ments.media.photo import AVIF, PHOTO_LIMITS, PhotoMade, make_avif, make_photo, make_poster
from ments.media.programs import MIB
from ments.media.sandbox import Sandbox, python_programs

SANDBOX = Sandbox("/usr/bin/bwrap")
FORMATS = ["jpg", "png", "webp", "avif", "gif", "heic", "mpo"]


async def made_of(source: Path) -> tuple[PhotoMade, Path]:
    folder = source.parent / f"{source.name}-out"
    folder.mkdir()
    return await make_photo(SANDBOX, source, folder), folder


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


@pytest.mark.parametrize("suffix", FORMATS)
async def test_every_format_loses_its_metadata_and_stands_upright(tmp_path: Path, suffix: str) -> None:
    source = photos.save_marked(tmp_path / f"a.{suffix}", orientation=6)
    assert photos.PLACE in source.read_bytes()
    made, folder = await made_of(source)
    assert (made.width, made.height) == ((90, 60) if suffix == "gif" else (60, 90))
    assert made.blurhash
    avif = await make_avif(SANDBOX, source, folder, made.variants(folder))
    for variant in (*made.variants(folder), *avif):
        data = (folder / variant.file).read_bytes()
        assert not [mark for mark in (photos.PLACE, b"Exif", b"EXIF", b"XMP", b"xmp", b"ICCP") if mark in data]
        image = opened(folder / variant.file)
        assert (image.size, image.format) == ((made.width, made.height), variant.file.split(".")[1].upper())
    red = (
        opened(folder / made.files[0].file).convert("RGB").getpixel((made.width - 3, 3) if suffix != "gif" else (3, 3))
    )
    assert isinstance(red, tuple)
    assert red[0] > 180 > 100 > red[2]


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_every_orientation(tmp_path: Path, orientation: int) -> None:
    source = photos.save_marked(tmp_path / "a.jpg", orientation=orientation)
    made, folder = await made_of(source)
    with Image.open(source) as image:
        expected = ImageOps.exif_transpose(image).convert("RGB")
    seen = opened(folder / made.files[0].file).convert("RGB")
    assert seen.size == expected.size
    for place in ((2, 2), (expected.width - 3, 2), (2, expected.height - 3)):
        one, other = seen.getpixel(place), expected.getpixel(place)
        assert isinstance(one, tuple)
        assert isinstance(other, tuple)
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) < 25


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4032, 3024), [(320, 240), (640, 480), (1280, 960), (2016, 1512)]),
        ((3000, 4000), [(240, 320), (480, 640), (960, 1280), (1500, 2000)]),
        ((3000, 2000), [(320, 213), (640, 427), (1280, 853), (2048, 1365)]),
        ((700, 500), [(320, 229), (700, 500)]),
        ((330, 330), [(330, 330)]),
        ((1, 1), [(1, 1)]),
        ((1000, 6000), [(160, 960), (320, 1920), (640, 3840), (1000, 6000)]),
        ((4000, 40), [(1280, 13), (2560, 26), (4000, 40)]),
    ],
    ids=["12mp", "portrait", "3-2", "small", "tiny", "dot", "screenshot", "strip"],
)
async def test_sizes_never_grow_and_long_pictures_stay_legible(
    tmp_path: Path, size: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    source = tmp_path / "a.jpg"
    photos.picture(size).save(source, quality=85)
    made, folder = await made_of(source)
    variants = made.variants(folder)
    assert [(v.width, v.height) for v in variants] == expected
    assert [opened(folder / v.file).size for v in variants] == expected
    assert [v.name for v in variants][:-1] == ["w320", "w640", "w1280"][: len(expected) - 1]
    assert max(opened(folder / made.poster_file).size) >= min(600, max(size))
    assert sorted(path.name for path in folder.iterdir()) == sorted(v.file for v in variants)


@pytest.mark.parametrize("mode", ["RGBA", "PA", "LA", "P", "L", "1", "I;16", "RGB16", "CMYK", "flat RGBA"])
async def test_every_mode_and_what_shines_through(tmp_path: Path, mode: str) -> None:
    source = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    if mode == "RGB16":
        source.write_bytes(photos.deep_png())
    elif mode == "I;16":
        Image.new("I;16", (90, 60), 200 * 256).save(source)
    elif mode == "PA":
        Image.new("RGBA", (90, 60), (200, 0, 0, 90)).quantize(8).save(source)
    else:
        alpha = 90 if mode in ("RGBA", "LA") else 255
        base = Image.new("RGBA", (90, 60), (200, 0, 0, alpha))
        (
            base if mode == "flat RGBA" else base.convert("RGB").convert(mode) if alpha == 255 else base.convert(mode)
        ).save(source)
    made, folder = await made_of(source)
    image = opened(folder / made.files[0].file)
    clear = mode in ("RGBA", "PA", "LA")
    assert image.mode == ("RGBA" if clear else "RGB")
    colour = image.getpixel((45, 30))
    assert isinstance(colour, tuple)
    if clear:
        assert abs(colour[3] - 90) < 3
    if mode in ("RGBA", "PA", "P", "RGB16", "CMYK", "flat RGBA"):
        assert abs(colour[0] - 200) < 8
        assert colour[2] < 12
    if mode == "I;16":
        assert abs(colour[0] - 200) < 4
    for variant in await make_avif(SANDBOX, source, folder, made.variants(folder)):
        assert opened(folder / variant.file).mode == image.mode


async def test_colours_follow_the_profile_and_a_broken_one_is_left_out(tmp_path: Path) -> None:
    base = Image.new("RGB", (90, 60), (200, 60, 30))
    for name, profile, same in (
        ("own", photos.swap_profile(), True),
        ("gray", _gray_profile(), True),
        ("broken", b"not a profile" * 20, True),
        ("cut", photos.swap_profile()[:200], True),
        ("swapped", _swapped_colours(), False),
    ):
        source = tmp_path / f"{name}.jpg"
        base.save(source, quality=95, icc_profile=profile)
        made, folder = await made_of(source)
        colour = opened(folder / made.files[0].file).convert("RGB").getpixel((45, 30))
        assert isinstance(colour, tuple)
        close = all(abs(a - b) < 8 for a, b in zip(colour, (200, 60, 30), strict=True))
        assert close == same, name


def _gray_profile() -> bytes:
    """A profile of another kind of colours than the picture's."""
    return photos.swap_profile().replace(b"RGB XYZ", b"GRAYXYZ", 1)


def _swapped_colours() -> bytes:
    """A profile in which what is called red is blue."""
    profile = photos.swap_profile()
    return profile.replace(b"rXYZ", b"tmpZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tmpZ", b"bXYZ", 1)


async def test_avif_is_kept_only_where_it_is_smaller(tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    Image.effect_noise((1400, 900), 60).convert("RGB").resize((1400, 900)).save(source)
    made, folder = await made_of(source)
    webp = made.variants(folder)
    kept = await make_avif(SANDBOX, source, folder, webp)
    sizes = {variant.name: variant.bytes for variant in webp}
    assert kept
    assert all(v.content_type == AVIF and v.bytes < sizes[v.name] for v in kept)
    none = [replace(variant, bytes=1) for variant in webp]
    (elsewhere := tmp_path / "none").mkdir()
    assert await make_avif(SANDBOX, source, elsewhere, none) == ()
    assert list(elsewhere.iterdir()) == []


async def test_a_poster_is_small(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    photos.picture((1500, 1500)).save(source)
    (folder := tmp_path / "out").mkdir()
    made = await make_poster(SANDBOX, source, folder)
    assert [(file.file, file.width, file.height) for file in made.files] == [("poster.webp", 640, 640)]
    assert made.poster_file == "poster.webp"
    assert made.blurhash


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "no bytes": (lambda: b"", "unreadable"),
    "noise": (lambda: photos.noise(5000), "unreadable"),
    "noise named JPEG": (lambda: b"\xff\xd8\xff\xe0" + photos.noise(5000), "unreadable"),
    "noise named PNG": (lambda: b"\x89PNG\r\n\x1a\n" + photos.noise(5000), "unreadable"),
    "noise named HEIC": (lambda: b"\0\0\0\x18ftypheic" + photos.noise(5000), "unreadable"),
    "noise named AVIF": (lambda: b"\0\0\0\x18ftypavif" + photos.noise(5000), "unreadable"),
    "noise named WebP": (lambda: b"RIFF\x80\x13\0\0WEBPVP8 " + photos.noise(5000), "unreadable"),
    "SVG": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "unreadable"),
    "PostScript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n", "unreadable"),
    "TIFF": (lambda: photos.saved("TIFF"), "unreadable"),
    "BMP": (lambda: photos.saved("BMP"), "unreadable"),
    "ICO": (lambda: photos.saved("ICO"), "unreadable"),
    "HTML after two bytes of JPEG": (lambda: b"\xff\xd8" + photos.SCRIPT, "unreadable"),
    "PNG bomb": (lambda: photos.png_that_claims(50_000, 50_000), "too_many_pixels"),
    "PNG of the largest claim": (lambda: photos.png_that_claims(2**31 - 1, 2**31 - 1), "too_many_pixels"),
    "PNG 12000x12000": (lambda: photos.png_that_claims(12_000, 12_000), "too_many_pixels"),
    "PNG without width": (lambda: photos.png_that_claims(0, 60), "unreadable"),
    "PNG without its pixels": (lambda: photos.png_that_claims(8000, 8000), "cut_off"),
    "JPEG bomb": (lambda: photos.jpeg_that_claims(65_500, 65_500), "too_many_pixels"),
    "JPEG of a thousand scans": (lambda: photos.jpeg_of_scans(1000), "too_heavy"),
    "JPEG without width": (lambda: photos.jpeg_that_claims(0, 0), "unreadable"),
    "WebP bomb": (lambda: photos.webp_that_claims(2**24, 2**24), "unreadable"),
    "profile bomb": (lambda: photos.png_that_claims(9, 9, _zipped(b"iCCP", b"x\0\0")), "unreadable"),
    "text bomb": (lambda: photos.png_that_claims(9, 9, _zipped(b"zTXt", b"x\0\0")), "unreadable"),
}


def _zipped(name: bytes, head: bytes) -> bytes:
    return photos.chunk(name, head + zlib.compress(bytes(100_000_000), 9))


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_photos_are_refused_in_words(tmp_path: Path, name: str) -> None:
    make, code = HOSTILE[name]
    (source := tmp_path / "holiday.jpg").write_bytes(make())
    with pytest.raises(UnplayableMedia) as refused:
        await made_of(source)
    assert refused.value.problem_code == code
    assert refused.value.safe.endswith(".")
    assert "Error" not in refused.value.safe
    assert list((tmp_path / "holiday.jpg-out").iterdir()) == []


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "heic"])
async def test_a_photo_that_stops_in_the_middle(tmp_path: Path, suffix: str) -> None:
    whole = photos.save_marked(tmp_path / f"whole.{suffix}", size=(900, 600)).read_bytes()
    (source := tmp_path / "cut").write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.raises(UnplayableMedia) as refused:
        await made_of(source)
    assert refused.value.problem_code == ("cut_off" if suffix in ("jpg", "png") else refused.value.problem_code)


async def test_odd_but_whole_photos_are_taken(tmp_path: Path) -> None:
    loops = photos.saved("JPEG", exif=photos.exif_that_loops())
    many = photos.saved("JPEG", exif=b"Exif\0\0" + b"II*\0\x08\0\0\0" + b"\xff\xff" + photos.noise(60_000))
    for name, data in (
        ("loops", loops),
        ("spoilt EXIF", many),
        ("a few scans more", photos.jpeg_of_scans(20)),
        ("polyglot", photos.saved("JPEG") + photos.SCRIPT),
        ("script in a comment", photos.saved("JPEG", comment=photos.SCRIPT)),
        ("named like an option", photos.saved("PNG")),
    ):
        (source := tmp_path / f"-{name}.jpg").write_bytes(data)
        made, folder = await made_of(source)
        assert (made.width, made.height) == (90, 60)
        assert all(photos.SCRIPT not in path.read_bytes() for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "HEIF"])
async def test_damaged_photos_end_with_a_picture_or_with_words(tmp_path: Path, kind: str) -> None:
    """Always the same damage for one seed; whatever it is, no crash of a decoder gets further than to its author."""
    whole = photos.saved(kind)
    for seed in range(4):
        (source := tmp_path / f"{seed}").write_bytes(photos.damaged(whole, seed))
        try:
            made, _ = await made_of(source)
            words = made.blurhash
        except MentsError as error:
            words = error.safe
        assert words, seed


async def test_a_large_photo_takes_little_memory(tmp_path: Path) -> None:
    """36 megapixels of JPEG at a third of what a child may take; 60 of PNG with an alpha channel within it."""
    (folder := tmp_path / "out").mkdir()
    script = Path(str(files("ments.media.inside") / "photo.py"))
    jpeg, png = tmp_path / "a.jpg", tmp_path / "a.png"
    photos.picture((7360, 4912)).save(jpeg, quality=85)
    photos.picture((1000, 1000)).resize((7700, 7700), Image.Resampling.NEAREST).convert("RGBA").save(
        png, compress_level=1
    )
    assert PHOTO_LIMITS.memory == 1024 * MIB
    for source, memory in ((jpeg, 350 * MIB), (png, PHOTO_LIMITS.memory)):
        finished = await SANDBOX.run(
            lambda seen, out: child_argv(sys.executable, str(script), seen, out),
            source=source,
            folder=folder,
            programs=python_programs(script),
            limits=Limits(wall_s=60, cpu_s=30, memory=memory, file=32 * MIB),
        )
        assert finished.code == 0
        assert '"error"' not in finished.output
