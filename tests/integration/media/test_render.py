"""Real files through the real programs, in the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import originals
from ments.media.film_join import Inputs, join_film
from ments.media.film_run import make_film_piece
from ments.media.model import MediaKind, Probe, UnplayableMedia
from ments.media.plan import Outputs, Piece, Plan, join_pieces
from ments.media.probe import probe_file
from ments.media.render import Workshop, make_piece, plan_original, unroll_original
from ments.media.sandbox import Sandbox
from ments.media.stills import POSTER_FILE
from ments.media.tracks import Line, StoredPart, WantedPart, line_up

SANDBOX = Sandbox("/usr/bin/bwrap")


async def render(source: Path, progress: list[float] | None = None) -> tuple[Outputs, Path]:
    """Everything that is made of a file, in one folder; a film's largest rung as one file, too."""
    folder = source.parent / f"{source.name}-out"
    folder.mkdir()
    seen = progress if progress is not None else []
    (unrolled := source.parent / f"{source.name}-unrolled").mkdir()
    workshop = Workshop(SANDBOX, originals.FFMPEG, seen.append)
    source = await unroll_original(workshop, source, unrolled)
    plan = await plan_original(workshop, source, folder)
    if plan.probe is None or not plan.works:
        piece = await make_piece(workshop, plan, source, folder)
        return _checked(plan, [piece], folder), folder
    pieces = [
        await make_film_piece(workshop, plan.probe, work, source, folder, lease=1, poster=work is plan.works[0])
        for work in plan.works
    ]
    outputs = _checked(plan, pieces, folder)
    parts = [
        WantedPart(work.name, work.span.start_s, work.track_names, work.share, StoredPart("s1", piece.tracks))
        for work, piece in zip(plan.works, pieces, strict=True)
    ]
    rungs, sound = line_up(parts)
    paths = {line.name: write_line(folder, line) for line in (*rungs, sound) if line}
    inputs = Inputs(
        *(rungs[-1], paths[rungs[-1].name]),
        *(rungs[0], paths[rungs[0].name]),
        sound,
        paths[sound.name] if sound else None,
    )
    made = await join_film(workshop, plan.probe, inputs, folder, folder)
    return replace(outputs, variants=made.variants), folder


def _checked(plan: Plan, pieces: list[Piece], folder: Path) -> Outputs:
    for piece in pieces:
        for file in piece.files:
            assert file.bytes == originals.size_of(folder / file.name)
    return join_pieces(plan, pieces)


def write_line(folder: Path, line: Line) -> Path:
    """The stored bytes of a rung, one after another."""
    path = folder / f"{line.name}.in"
    names = [str(line.parts[0][1].init_file), *(segment.file for segment in line.segments)]
    path.write_bytes(b"".join((folder / name).read_bytes() for name in names))
    return path


async def probe(folder: Path, outputs: Outputs) -> Probe:
    return await probe_file(SANDBOX, folder / outputs.variants[-1].file, folder)


async def test_a_phone_video_stands_upright_with_its_sound(tmp_path: Path) -> None:
    progress: list[float] = []
    outputs, folder = await render(originals.make_phone_video(tmp_path / "IMG_1.MOV"), progress)
    assert (outputs.kind, outputs.width, outputs.height) == (MediaKind.VIDEO, 720, 1280)
    assert outputs.duration_s == pytest.approx(2, abs=0.1)
    assert outputs.blurhash
    variant = outputs.variants[0]
    assert (variant.file, variant.name, variant.content_type) == ("video.mp4", "720p", "video/mp4")
    assert variant.bytes == (folder / variant.file).stat().st_size
    made = await probe(folder, outputs)
    assert made.video is not None
    assert (made.video.codec, made.video.rotation, made.video.pixel_format) == ("h264", 0, "yuv420p")
    assert (made.video.width, made.video.height, round(made.video.rate)) == (720, 1280, 30)
    assert made.audio is not None
    assert (made.audio.codec, made.audio.channels) == ("aac", 2)
    data = (folder / variant.file).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"48.8577" not in data
    with Image.open(folder / POSTER_FILE) as poster:
        assert poster.size == (720, 1280)
    assert max(progress) > 0.5


@pytest.mark.parametrize(
    ("make", "size", "seconds", "sound"),
    [
        (lambda p: originals.make_video(p / "a.mp4", size="642x362", sound=False), (642, 362), 2.0, False),
        (
            lambda p: originals.make_video(p / "a.mkv", size="320x240", seconds=0.3, more=("-bf", "2")),
            (320, 240),
            0.3,
            True,
        ),
        (lambda p: originals.make_video(p / "a.mp4", size="64x64", seconds=0.03, sound=False), (64, 64), 0.033, False),
        (lambda p: originals.make_video(p / "a.mp4", size="320x240", rate=240, seconds=1), (320, 240), 1.0, True),
        (
            lambda p: originals.make_video(p / "a.mov", size="720x576", more=("-vf", "setsar=64/45")),
            (1024, 576),
            2.0,
            True,
        ),
        (
            lambda p: originals.make_video(p / "a.mkv", size="641x361", more=("-pix_fmt", "yuv444p10le")),
            (640, 360),
            2.0,
            True,
        ),
    ],
    ids=["odd-silent", "short", "one-picture", "slow-motion", "oblong-pixels", "444-10bit"],
)
async def test_odd_videos_play(
    tmp_path: Path, make: Callable[[Path], Path], size: tuple[int, int], seconds: float, sound: bool
) -> None:
    outputs, folder = await render(make(tmp_path))
    assert (outputs.width, outputs.height) == size
    assert outputs.duration_s == pytest.approx(seconds, abs=0.1)
    made = await probe(folder, outputs)
    assert made.video is not None
    assert made.video.pixel_format == "yuv420p"
    assert made.video.rate < 63
    assert (made.audio is not None) == sound
    assert (folder / POSTER_FILE).exists()


async def test_uneven_pictures_stay_as_many(tmp_path: Path) -> None:
    source = originals.make_varying_video(tmp_path / "a.mp4")
    outputs, folder = await render(source)
    made, before = await probe(folder, outputs), await probe_file(SANDBOX, source, folder)
    assert made.video is not None
    assert before.video is not None
    count = round(made.video.rate * made.video.length_s)
    assert count == round(before.video.rate * before.video.length_s) == 13


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"], ids=["pq", "hlg"])
async def test_hdr_becomes_sdr(tmp_path: Path, transfer: str) -> None:
    source = originals.make_hdr_video(tmp_path / "a.mp4", transfer)
    before = await probe_file(SANDBOX, source, tmp_path)
    assert before.video is not None
    assert (before.video.transfer, before.video.pixel_format) == (transfer, "yuv420p10le")
    outputs, folder = await render(source)
    made = await probe(folder, outputs)
    assert made.video is not None
    assert (made.video.transfer, made.video.pixel_format) == ("", "yuv420p")
    # White of 100 nits, and a red that bt2020 writes down as (116, 67, 45): unmapped it would be shown so.
    white, red = read_pixels(folder / outputs.variants[-1].file, (80, 120), (240, 120))
    assert white == pytest.approx((157, 157, 157), abs=6)
    assert red == pytest.approx((155, 0, 0), abs=12)


async def test_fields_become_whole_pictures(tmp_path: Path) -> None:
    source = originals.make_interlaced_video(tmp_path / "a.mts")
    before = await probe_file(SANDBOX, source, tmp_path)
    assert before.video is not None
    assert before.video.is_interlaced
    outputs, folder = await render(source)
    assert (outputs.width, outputs.height) == (320, 240)
    assert find_combing(source) > 10
    assert find_combing(folder / outputs.variants[-1].file) < 4
    made = await probe(folder, outputs)
    assert made.video is not None
    count = round(made.video.rate * made.video.length_s)
    assert count == round(before.video.rate * before.video.length_s)


def read_pixels(film: Path, *places: tuple[int, int]) -> list[tuple[int, ...]]:
    """Colours of its first picture, as a player shows them."""
    still = film.with_suffix(".png")
    shown = ("-vf", "scale=in_color_matrix=bt709,format=rgb24", "-frames:v", "1", "-update", "1")
    originals.ffmpeg("-i", str(film), *shown, str(still))
    with Image.open(still) as picture:
        return [tuple(picture.getpixel(place)) for place in places]  # type: ignore[arg-type]


def find_combing(film: Path) -> float:
    """How far each line of its tenth picture is from the mean of its neighbours."""
    still = film.with_suffix(".png")
    originals.ffmpeg(
        "-i", str(film), "-vf", r"select=eq(n\,10),format=gray", "-frames:v", "1", "-update", "1", str(still)
    )
    with Image.open(still) as picture:
        width, height = picture.size
        lines = [picture.crop((0, y, width, y + 1)).tobytes() for y in range(height)]
    away = [
        abs(2 * here - above - below)
        for over, line, under in zip(lines, lines[1:], lines[2:], strict=False)
        for above, here, below in zip(over, line, under, strict=True)
    ]
    return sum(away) / len(away)


async def test_sound_alone_and_sound_with_a_cover(tmp_path: Path) -> None:
    cover = originals.make_photo(tmp_path / "cover.jpg", size=(200, 200))
    tone = tmp_path / "memo.mp3"
    originals.ffmpeg("-f", "lavfi", "-i", "sine=d=2", "-i", str(cover), "-map", "0", "-map", "1", "-c:v", "copy",
                     "-disposition:v", "attached_pic", str(tone))  # fmt: skip
    outputs, folder = await render(tone)
    assert (outputs.kind, outputs.poster_file, outputs.width) == (MediaKind.AUDIO, "poster.webp", None)
    assert outputs.blurhash
    assert outputs.duration_s == pytest.approx(2, abs=0.1)
    assert [(v.file, v.content_type) for v in outputs.variants] == [("audio.m4a", "audio/mp4")]
    assert (await probe(folder, outputs)).video is None


@pytest.mark.parametrize("suffix", ["jpg", "heic"])
async def test_a_photo_stands_upright_and_tells_no_place(tmp_path: Path, suffix: str) -> None:
    source = originals.make_photo(tmp_path / f"IMG_2.{suffix}", size=(1500, 1000) if suffix == "heic" else (3000, 2000))
    assert b"SecretCam" in source.read_bytes()
    outputs, folder = await render(source)
    assert outputs.kind is MediaKind.PHOTO
    assert (outputs.width or 0) < (outputs.height or 0) <= 2048
    assert outputs.poster_file == "w640.webp"
    assert [v.file for v in outputs.variants][:2] == ["w320.webp", "w640.webp"]
    for variant in outputs.variants:
        assert b"SecretCam" not in (folder / variant.file).read_bytes()
        with Image.open(folder / variant.file) as image:
            assert (image.format, image.size) == ("WEBP", (variant.width, variant.height))
            assert not image.getexif()
            assert "icc_profile" not in image.info
    assert max(outputs.variants[1].width, outputs.variants[1].height) == 640


async def test_a_moving_gif_is_a_video_and_a_still_one_a_photo(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (90, 60), (shade, 0, 0)) for shade in range(0, 250, 50)]
    moving, still = tmp_path / "moving.gif", tmp_path / "still.gif"
    for path in (moving, tmp_path / "moving.webp", tmp_path / "moving.png"):
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
        outputs, _ = await render(path)
        assert (outputs.kind, outputs.width, outputs.height) == (MediaKind.VIDEO, 90, 60)
        assert outputs.duration_s == pytest.approx(0.5, abs=0.02), path.suffix
    frames[0].save(still)
    assert (await render(still))[0].kind is MediaKind.PHOTO


def playlist(path: Path) -> Path:
    (path.parent / "secret.ts").write_bytes(b"G" * 188 * 100)
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n")
    return path


def concat_list(path: Path) -> Path:
    path.write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    return path


def big_photo(path: Path) -> Path:
    Image.new("1", (20_000, 20_000)).save(path)
    return path


def gap(path: Path) -> Path:
    """A small file whose second half lies 100,000 s after its first."""
    leap = ("-vf", "setpts='PTS+gte(N,15)*100000/TB'", "-fps_mode", "passthrough", "-enc_time_base", "1:1000")
    return originals.make_video(path, size="64x64", sound=False, seconds=1, more=leap)


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (
            lambda p: originals.written(p / "a.mp4", b"hello there\n" * 20),
            "unreadable",
            "isn't a video, photo or sound",
        ),
        (lambda p: originals.written(p / "a.mp4", b""), "unreadable", "isn't a video"),
        (lambda p: originals.written(p / "a.jpg", b"\xff\xd8\xff\xe0<script>"), "unreadable", "isn't a video"),
        (
            lambda p: originals.written(p / "a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            "unreadable",
            "isn't a video",
        ),
        (lambda p: playlist(p / "a.mp4"), "unreadable", "isn't a video"),
        (lambda p: concat_list(p / "a.mp4"), "unreadable", "isn't a video"),
        (lambda p: big_photo(p / "a.png"), "too_many_pixels", "20,000 by 20,000"),
        (lambda p: gap(p / "a.mkv"), "too_long", "4 hours"),
        (lambda p: originals.make_video(p / "a.mp4", size="4400x2400", seconds=0.1), "too_many_pixels", "4400 by 2400"),
    ],
    ids=["text", "empty", "polyglot", "svg", "m3u8", "ffconcat", "bomb", "gap", "8k"],
)
async def test_hostile_files_are_refused_in_words(
    tmp_path: Path, make: Callable[[Path], Path], code: str, words: str
) -> None:
    with pytest.raises(UnplayableMedia, match=words) as refused:
        await render(make(tmp_path))
    assert refused.value.problem_code == code


async def test_a_cut_off_video_says_where_it_stops(tmp_path: Path) -> None:
    whole = originals.make_phone_video(tmp_path / "whole.mov", seconds=6)
    with pytest.raises(UnplayableMedia, match=r"stops after 3\.\d of 6\.\d s"):
        await render(originals.cut(tmp_path / "half.mov", whole, 0.6))
    late_index = originals.make_video(tmp_path / "late.mp4")
    with pytest.raises(UnplayableMedia, match="cut off: it stops before the index"):
        await render(originals.cut(tmp_path / "cut.mp4", late_index, 0.6))
    photo = originals.make_photo(tmp_path / "whole.jpg")
    with pytest.raises(UnplayableMedia, match="photo is cut off"):
        await render(originals.cut(tmp_path / "cut.jpg", photo, 0.6))


async def test_sound_that_nobody_can_read_is_named(tmp_path: Path) -> None:
    """A file whose sound has a name that no decoder goes by."""
    source = originals.make_video(tmp_path / "a.mkv")
    source.write_bytes(source.read_bytes().replace(b"A_AAC", b"A_XYZ"))
    with pytest.raises(UnplayableMedia, match="The picture is fine, but the sound is in an unknown format"):
        await render(source)


def test_the_children_import_nothing_of_ours() -> None:
    """But what lies beside them: in the jail they see their own folder only."""
    for script in Path("src/ments/media/inside").glob("*.py"):
        imported = [line.split()[1] for line in script.read_text().splitlines() if line.startswith(("from", "import"))]
        assert all(name.startswith("ments.media.inside.") for name in imported if name.startswith("ments"))
