"""Animated WebP and PNG: they become films with the times that they had."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image

import photos
from ments.media.model import MediaKind, UnplayableMedia
from ments.media.moving import PICTURES_MAX, may_move, unroll_picture
from ments.media.probe import probe_file
from ments.media.render import Workshop, plan_original
from ments.media.sandbox import Sandbox
from originals import FFMPEG, written

SANDBOX = Sandbox("/usr/bin/bwrap")


def moving(path: Path, times_ms: list[int], size: tuple[int, int] = (91, 61)) -> Path:
    pictures = [photos.picture(size).rotate(20 * number) for number in range(len(times_ms))]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=times_ms)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (folder := tmp_path / "out").mkdir()
    return folder


@pytest.mark.parametrize("suffix", ["webp", "png"])
async def test_pictures_keep_their_times(tmp_path: Path, out: Path, suffix: str) -> None:
    source = moving(tmp_path / f"a.{suffix}", [40, 200, 0, 500, 40])
    assert may_move(source)
    film = await unroll_picture(SANDBOX, source, out)
    assert film is not None
    probe = await probe_file(SANDBOX, film, out)
    assert probe.video is not None
    assert (probe.video.width, probe.video.height) == (91, 61)
    assert probe.length_s == pytest.approx(0.04 + 0.2 + 0.1 + 0.5 + 0.04, abs=0.005)
    assert round(probe.video.rate * probe.video.length_s) == 6


async def test_what_does_not_move_stays_a_photo(tmp_path: Path, out: Path) -> None:
    for suffix in ("webp", "png", "jpg", "gif"):
        assert not may_move(photos.save_marked(tmp_path / f"a.{suffix}")), suffix
    once = photos.chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = photos.chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 40, 30, 0, 0, 1, 10, 0, 0))
    alone = photos.png_that_claims(40, 30, once + frame)
    assert may_move(written(tmp_path / "alone.png", alone))
    assert await unroll_picture(SANDBOX, tmp_path / "alone.png", out) is None


async def test_hostile_moving_pictures_are_refused_in_words(tmp_path: Path, out: Path) -> None:
    whole = moving(tmp_path / "whole.webp", [100] * 3).read_bytes()
    at = whole.rindex(b"ANMF")
    many = whole + whole[at:] * PICTURES_MAX
    claims = photos.chunk(b"acTL", struct.pack(">II", 1_000_000, 0))
    apng = moving(tmp_path / "whole.png", [100] * 6).read_bytes()
    slow = moving(tmp_path / "slow.webp", [16_000_000] * 2).read_bytes()
    files = {
        "a million pictures": (photos.png_that_claims(90, 60, claims), "too_long"),
        "thousands of pictures": (b"RIFF" + struct.pack("<I", len(many) - 8) + many[8:], "too_long"),
        "hours": (slow, "too_long"),
        "huge": (
            photos.png_that_claims(50_000, 50_000, photos.chunk(b"acTL", struct.pack(">II", 2, 0))),
            "too_many_pixels",
        ),
        "cut": (apng[: len(apng) // 2], None),
        "noise": (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02" + photos.noise(3000), "unreadable"),
    }
    for name, (data, code) in files.items():
        source = written(tmp_path / "a", data)
        assert may_move(source), name
        with pytest.raises(UnplayableMedia) as refused:
            await unroll_picture(SANDBOX, source, out)
        assert code in (None, refused.value.problem_code), name
        assert refused.value.safe.endswith("."), name


async def test_a_gif_that_never_ends_is_refused(tmp_path: Path, out: Path) -> None:
    """150,000 pictures in 3.6 MB would be shown for more than four hours."""
    picture = b"\x21\xf9\x04\0\0\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    head = b"GIF89a" + struct.pack("<HHBBB", 90, 60, 0x80, 0, 0) + bytes(6)
    source = written(tmp_path / "a.gif", head + picture * 150_000 + b";")
    with pytest.raises(UnplayableMedia, match="4 hours"):
        await plan_original(Workshop(SANDBOX, FFMPEG, print), source, out)


async def test_an_animated_avif_goes_the_way_of_films(tmp_path: Path, out: Path) -> None:
    pictures = [photos.picture((96, 64)).rotate(9 * number) for number in range(5)]
    source = tmp_path / "a.avif"
    pictures[0].save(source, save_all=True, append_images=pictures[1:], duration=100)
    plan = await plan_original(Workshop(SANDBOX, FFMPEG, print), source, out)
    assert plan.kind is MediaKind.VIDEO
    with Image.open(source) as image:
        assert image.n_frames == 5  # type: ignore[attr-defined]  # of an AVIF
