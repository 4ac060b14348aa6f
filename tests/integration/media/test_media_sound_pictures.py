"""Covers, waveforms and previews, by the real programs in the sandbox."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PIL import Image

import originals
import photos
from ments.media.cover import take_cover
from ments.media.model import UnplayableMedia
from ments.media.preview import PREVIEW_MAX_BYTES, make_preview
from ments.media.sandbox import Sandbox
from ments.media.waveform import make_waveform

SANDBOX = Sandbox("/usr/bin/bwrap")
FFMPEG = originals.FFMPEG


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (folder := tmp_path / "out").mkdir()
    return folder


def listed(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def make_sound(path: Path, cover: Path | None = None, *, tone: str = "sine=f=440:d=4") -> Path:
    picture = ("-i", str(cover), "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    originals.ffmpeg("-f", "lavfi", "-i", tone, *(picture if cover else ()), str(path))
    return path


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "flac"])
async def test_a_cover_becomes_a_poster_without_its_metadata(tmp_path: Path, out: Path, suffix: str) -> None:
    art = photos.save_marked(tmp_path / "art.jpg", size=(900, 900))
    source = make_sound(tmp_path / f"song.{suffix}", art)
    assert photos.PLACE in source.read_bytes()
    cover = await take_cover(SANDBOX, FFMPEG, source, out)
    assert cover is not None
    assert (cover.width, cover.height, cover.poster_file) == (640, 640, "poster.webp")
    assert cover.blurhash
    assert listed(out) == ["poster.webp"]
    assert photos.PLACE not in (out / "poster.webp").read_bytes()


async def test_without_a_cover_that_can_be_read_there_is_none(tmp_path: Path, out: Path) -> None:
    plain = make_sound(tmp_path / "memo.m4a")
    art = photos.save_marked(tmp_path / "art.jpg", size=(300, 300))
    song = make_sound(tmp_path / "song.mp3", art).read_bytes()
    at = song.index(b"\xff\xd8\xff")
    spoilt = originals.written(tmp_path / "spoilt.mp3", song[: at + 20] + bytes(600) + song[at + 620 :])
    film = originals.make_video(tmp_path / "film.mp4", size="64x64", seconds=0.2)
    nothing = originals.written(tmp_path / "nothing.mp3", b"")
    for source in (plain, spoilt, film, nothing):
        assert await take_cover(SANDBOX, FFMPEG, source, out) is None, source.name
        assert listed(out) == []


async def test_a_waveform_shows_where_it_is_loud(tmp_path: Path, out: Path) -> None:
    source = make_sound(tmp_path / "a.m4a", tone="sine=f=440:d=4,volume='if(lt(t,2),0.05,1)':eval=frame")
    made = await make_waveform(SANDBOX, FFMPEG, source, out, length_s=4.0)
    assert 195 <= len(made.levels) <= 200
    assert max(made.levels) == 100
    assert max(made.levels[5:95]) < 30 < 90 < min(made.levels[105:190])
    kept = msgspec.json.decode((out / made.levels_file).read_bytes())
    assert kept == {"length_s": 4.0, "levels": list(made.levels)}
    assert (out / made.levels_file).stat().st_size < 1500
    with Image.open(out / made.picture_file) as picture:
        assert (picture.size, picture.mode) == ((800, 160), "RGBA")
        assert [picture.getpixel((place, 10))[3] for place in (104, 704)] == [0, 255]
    assert (out / made.picture_file).stat().st_size < 4000


@pytest.mark.parametrize(
    ("tone", "length_s"),
    [("anullsrc=d=1", 1.0), ("sine=d=0.02", 0.02), ("sine=d=1", 0.0)],
    ids=["silence", "short", "0"],
)
async def test_odd_sounds_have_a_waveform(tmp_path: Path, out: Path, tone: str, length_s: float) -> None:
    source = make_sound(tmp_path / "a.wav", tone=tone)
    made = await make_waveform(SANDBOX, FFMPEG, source, out, length_s=length_s)
    assert len(made.levels) <= 200
    assert (max(made.levels) == 0) == (tone == "anullsrc=d=1")
    with Image.open(out / made.picture_file) as picture:
        assert picture.getpixel((4, 80)) == (22, 163, 74, 255)


async def test_what_is_no_sound_is_refused_in_words(tmp_path: Path, out: Path) -> None:
    with pytest.raises(UnplayableMedia):
        await make_waveform(SANDBOX, FFMPEG, originals.written(tmp_path / "a.m4a", photos.noise(4000)), out, length_s=9)
    assert listed(out) == []


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [("640x360", 9.0, (426, 240)), ("360x640", 2.0, (240, 426)), ("64x48", 0.2, (64, 48))],
    ids=["film", "portrait", "moment"],
)
async def test_a_preview_moves_and_is_small(
    tmp_path: Path, out: Path, size: str, seconds: float, expected: tuple[int, int]
) -> None:
    source = originals.make_video(tmp_path / "a.mp4", size=size, seconds=seconds)
    width, height = (int(side) for side in size.split("x"))
    made = await make_preview(SANDBOX, FFMPEG, source, out, width=width, height=height, length_s=seconds)
    assert made is not None
    assert (made.width, made.height) == expected
    assert made.bytes == (out / made.file).stat().st_size <= PREVIEW_MAX_BYTES
    with Image.open(out / made.file) as moving:
        assert moving.size == expected
        assert moving.info["loop"] == 0
        assert moving.n_frames == pytest.approx(min(seconds, 3) * 10, abs=3)  # type: ignore[attr-defined]  # of a WebP


async def test_a_preview_that_would_be_large_is_left_out(tmp_path: Path, out: Path) -> None:
    noise = "nullsrc=s=426x240:r=30:d=3,geq=random(1)*255:128:128"
    originals.ffmpeg("-f", "lavfi", "-i", noise, "-c:v", "libx264", "-preset", "ultrafast", str(tmp_path / "a.mp4"))
    assert await make_preview(SANDBOX, FFMPEG, tmp_path / "a.mp4", out, width=426, height=240, length_s=3) is None
    assert listed(out) == []
