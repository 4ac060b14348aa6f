"""The commands for HLS by the pinned ffmpeg: rungs that meet, chunks that are as one run, copies that change nothing."""

from __future__ import annotations

import subprocess
from array import array
from itertools import pairwise
from pathlib import Path

import av
import pytest
from PIL import Image

import originals
from ments.media.chunks import BORDER_S, Span, cut_film
from ments.media.encoding import CopyRun, LadderRun, RungEncoding, find_preroll
from ments.media.hls_argv import copy_argv, ladder_argv, progressive_argv, storyboard_argv
from ments.media.hls_graph import AUDIO_RATE, CLOCK
from ments.media.model import AudioStream, Rendition, VideoStream
from ments.media.playlists import parse_media_playlist
from ments.media.storyboard import plan_storyboard
from stored_hls import brightest, count_pictures, joined, loudness, read_packets, read_sound, read_times

SMALL = (RungEncoding(Rendition(160, 90, 400_000)), RungEncoding(Rendition(320, 180, 1_400_000)))
SPANS = (Span(0, 0, 4.0, False), Span(1, 4, 16.0, False), Span(2, 16, 20.0, True))
"""One border in the middle of a packet of sound, as behind what plays first, and one between two."""
WHOLE = Span(0, 0, 20.0, True)


def video(width: int = 320, height: int = 180, rate: float = 30.0, transfer: str = "") -> VideoStream:
    return VideoStream(0, "h264", width, height, 0, rate, "yuv420p", transfer, 20.0, True)


SOUND = AudioStream(1, "aac", 1, 20.0, True)


def run(argv: list[str]) -> None:
    """Run a command as it is; what it says on its error output is a failure, too."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def make(folder: Path, source: Path, ladder: LadderRun) -> Path:
    folder.mkdir(exist_ok=True)
    run(ladder_argv(originals.FFMPEG, str(source), str(folder), ladder))
    return folder


def chunk(ladder_span: Span, *, rungs: tuple[RungEncoding, ...] = SMALL[:1], audio: AudioStream | None = SOUND,
          shown: VideoStream | None = None, preroll_s: float = 0.32) -> LadderRun:  # fmt: skip
    mark = f"c{ladder_span.index:03d}-1"
    return LadderRun(shown or video(), audio, ladder_span, rungs, mark, preroll_s=preroll_s)


def lengths_of(folder: Path, playlist: str) -> list[float]:
    return [segment.length_s for segment in parse_media_playlist((folder / playlist).read_text()).segments]


def test_rungs_meet_at_each_segment_and_keyframes_lie_on_the_grid(tmp_path: Path) -> None:
    source = originals.make_video(tmp_path / "a.mp4", size="320x180", seconds=6)
    board = plan_storyboard(6.0, 320, 180)
    ladder = LadderRun(video(), SOUND, Span(0, 0, 6.0, True), SMALL, "c000-1", poster=True, storyboard=board)
    folder = make(tmp_path / "out", source, ladder)
    large, small = (joined(folder, name, "c000-1") for name in ("v180", "v90"))
    assert count_pictures(large) == (180, (320, 180))
    assert count_pictures(small) == (180, (160, 90))
    assert read_packets(large).keys == read_packets(small).keys == [0, 2 * CLOCK, 4 * CLOCK]
    assert read_packets(large).shown == [number * 3000 for number in range(180)]
    assert lengths_of(folder, "v180-c000-1.m3u8") == lengths_of(folder, "v90-c000-1.m3u8") == [4.0, 2.0]
    sound = read_packets(joined(folder, "a128", "c000-1"))
    assert sound.pts == [number * 1024 for number in range(len(sound.pts))]
    assert len(sound.pts) == -(-6 * AUDIO_RATE // 1024)
    assert sum(lengths_of(folder, "a128-c000-1.m3u8")) == pytest.approx(6, abs=0.03)
    with Image.open(folder / "poster.jpg") as poster:
        assert poster.size == (320, 180)
    with Image.open(folder / "storyboard-000.jpg") as sheet:
        assert sheet.size == (board.width, board.height) == (480, 90)
        assert all(brightest(sheet.crop((left, 0, left + 160, 90))) > 50 for left in (0, 160, 320))
    assert not list(folder.glob("*.tmp"))


def test_players_that_know_no_edit_lists_see_the_first_picture_late_by_no_more_than_its_reordering(
    tmp_path: Path,
) -> None:
    """Chunks have one and the same init file: what it says of the first picture's delay holds for all of them."""
    source = originals.make_video(tmp_path / "a.mp4", size="160x90", seconds=20, rate=25)
    parts = [make(tmp_path / str(span.index), source, chunk(span, shown=video(rate=25.0))) for span in SPANS]
    for name in ("v90", "a128"):
        inits = {(part / f"{name}-c{number:03d}-1-init.mp4").read_bytes() for number, part in enumerate(parts)}
        assert len(inits) == 1


@pytest.mark.parametrize(
    ("suffix", "rate", "more"),
    [
        ("mp4", "30000/1001", ()),
        ("mkv", "120", ("-bf", "2")),  # times rounded to ms, and the frame gate
        ("ts", "25", ("-g", "250")),  # no index: a seek lands in the middle of a group of 10 s
        ("avi", "24000/1001", ("-c:v", "mpeg4")),  # times in frames of 1/23.976 s
    ],
)
def test_chunks_are_as_one_run(tmp_path: Path, suffix: str, rate: str, more: tuple[str, ...]) -> None:
    source = tmp_path / f"a.{suffix}"
    originals.ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s=160x90:r={rate}:d=20", "-f", "lavfi", "-i", "sine=f=330:r=44100:d=20"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac"),
        *more,
        str(source),
    )
    container = {"mp4": "mov", "mkv": "matroska", "ts": "mpegts", "avi": "avi"}[suffix]
    shown, before = video(160, 90, rate=120.0 if rate == "120" else 25.0), find_preroll(container, 10.0)
    whole = make(tmp_path / "whole", source, chunk(WHOLE, shown=shown))
    parts = [make(tmp_path / f"{span.index}", source, chunk(span, shown=shown, preroll_s=before)) for span in SPANS]
    for name in ("v90", "a128"):
        one = read_packets(joined(whole, name, "c000-1"))
        many = read_packets(*(joined(part, name, f"c{number:03d}-1") for number, part in enumerate(parts)))
        many.check_order()
        assert many.shown == one.shown
        assert sorted(many.keys) == sorted(one.keys)
        if name == "v90":
            assert len(one.pts) == {"120": 1200, "25": 500}.get(rate, len(one.pts))
            for border in (4 * CLOCK, 16 * CLOCK):
                assert border <= next(key for key in sorted(many.keys) if key >= border) < border + CLOCK / 20
        else:
            assert {right - left for left, right in pairwise(many.pts)} == {1024}


def test_a_seam_of_sound_can_not_be_heard(tmp_path: Path) -> None:
    source = originals.make_video(tmp_path / "a.mp4", size="64x64", seconds=20)
    shown = video(64, 64)
    rung = (RungEncoding(Rendition(64, 64, 400_000)),)
    whole = make(tmp_path / "whole", source, chunk(WHOLE, rungs=rung, shown=shown))
    parts = [make(tmp_path / f"{span.index}", source, chunk(span, rungs=rung, shown=shown)) for span in SPANS]
    one = read_sound(joined(whole, "a128", "c000-1"))
    stitched = b"".join(joined(part, "a128", f"c{number:03d}-1") for number, part in enumerate(parts))
    many = read_sound(stitched)
    assert len(one) == len(many)
    apart = array("f", (left - right for left, right in zip(one, many, strict=True)))
    signal = loudness(one[AUDIO_RATE : 2 * AUDIO_RATE])
    for border in (4, 16):
        seam = slice(border * AUDIO_RATE - 2048, border * AUDIO_RATE + 2048)
        assert loudness(apart[seam]) < signal / 20  # what the codec loses anyway; a gap would give the signal itself


def test_uneven_pictures_keep_their_times(tmp_path: Path) -> None:
    """A screen's recording: pictures only when something moves, in a container that says nothing of their lengths."""
    source = tmp_path / "a.mkv"
    uneven = "select='lt(mod(n,97),7)+eq(n,239)+eq(n,241)'"
    originals.ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=160x90:r=30:d=20", "-vf", uneven, "-fps_mode", "vfr"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(source)),
    )
    before = [round(time * CLOCK) for time in read_times(source)["video"]]
    whole = make(tmp_path / "whole", source, chunk(WHOLE, audio=None, shown=video(160, 90, 5.0)))
    parts = [
        make(tmp_path / f"{span.index}", source, chunk(span, audio=None, shown=video(160, 90, 5.0))) for span in SPANS
    ]
    one = read_packets(joined(whole, "v90", "c000-1"))
    many = read_packets(*(joined(part, "v90", f"c{number:03d}-1") for number, part in enumerate(parts)))
    assert one.shown == many.shown == before


@pytest.mark.parametrize(("late_s", "length_s"), [(0.0, 3.0), (9.5, 3.0), (17.0, 2.0)])
def test_sound_that_is_not_there_all_the_time_is_silent_elsewhere(
    tmp_path: Path, late_s: float, length_s: float
) -> None:
    source = tmp_path / "a.mkv"
    originals.ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=20", "-itsoffset", f"{late_s}"),
        *("-f", "lavfi", "-i", f"sine=r=22050:d={length_s}", "-c:v", "libx264", "-preset", "ultrafast"),
        *("-pix_fmt", "yuv420p", "-c:a", "aac", str(source)),
    )
    rung, shown = (RungEncoding(Rendition(64, 64, 400_000)),), video(64, 64, 25.0)
    parts = [make(tmp_path / f"{span.index}", source, chunk(span, rungs=rung, shown=shown)) for span in SPANS]
    chunks = [joined(part, "a128", f"c{number:03d}-1") for number, part in enumerate(parts)]
    assert [len(read_packets(part).pts) for part in chunks] == [188, 562, 188]
    samples = read_sound(b"".join(chunks))
    middle = int((late_s + length_s / 2) * AUDIO_RATE)
    assert loudness(samples[middle - 2000 : middle + 2000]) > 0.02
    outside = int((late_s + length_s + 0.5) * AUDIO_RATE)
    assert loudness(samples[outside : outside + 4000]) < 0.001
    if late_s:
        assert loudness(samples[int((late_s - 0.5) * AUDIO_RATE) : int((late_s - 0.4) * AUDIO_RATE)]) < 0.001


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize("said", ["color_trc={}:color_primaries=bt2020:colorspace=bt2020nc", "color_trc={}"])
def test_awkward_pictures_in_one_run(tmp_path: Path, transfer: str, said: str) -> None:
    """HDR, ten bits, portrait, no sound, times that begin at ten hours."""
    source, colours = tmp_path / "a.mkv", said.format(transfer)
    originals.ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=180x320:r=30:d=3", "-c:v", "libx265", "-x265-params", "log-level=error"),
        *("-vf", f"format=yuv420p10le,setparams={colours}", "-output_ts_offset", "36000", str(source)),
    )
    rungs = (RungEncoding(Rendition(180, 320, 1_400_000)), RungEncoding(Rendition(90, 160, 400_000), preset="faster"))
    span = Span(0, 0, 3.0, True)
    shown = video(180, 320, transfer=transfer)
    folder = make(tmp_path / "out", source, LadderRun(shown, None, span, rungs, "m", poster=True))
    assert count_pictures(joined(folder, "v180", "m")) == (90, (180, 320))
    assert count_pictures(joined(folder, "v90", "m")) == (90, (90, 160))
    assert read_packets(joined(folder, "v180", "m")).keys == [0, 2 * CLOCK]
    assert not list(folder.glob("a128*"))
    with av.open(str(folder / "v180-m.m3u8"), options={"allowed_extensions": "ALL"}) as container:
        context = container.streams.video[0].codec_context
        assert (context.pix_fmt, context.color_trc) == ("yuv420p", 1)


def test_a_clip_of_one_picture(tmp_path: Path) -> None:
    source = originals.make_video(tmp_path / "a.mp4", size="64x64", seconds=0.03, sound=False)
    board = plan_storyboard(0.033, 64, 64)
    span, rung = Span(0, 0, 0.033, True), RungEncoding(Rendition(64, 64, 400_000))
    ladder = LadderRun(video(64, 64), None, span, (rung,), "m", poster=True, storyboard=board)
    folder = make(tmp_path / "out", source, ladder)
    assert count_pictures(joined(folder, "v64", "m"))[0] == 1
    assert (folder / "poster.jpg").exists()
    assert [path.name for path in folder.glob("storyboard*")] == list(board.files)


@pytest.mark.parametrize("copy_audio", [True, False])
def test_a_copy_changes_no_picture(tmp_path: Path, copy_audio: bool) -> None:
    source = originals.make_video(
        tmp_path / "a.mp4", size="320x180", seconds=6, more=("-bf", "2", "-g", "45", "-sc_threshold", "0", "-ac", "2")
    )
    folder = tmp_path / "out"
    folder.mkdir()
    run(copy_argv(originals.FFMPEG, str(source), str(folder), CopyRun(video(), SOUND, copy_audio, 6.0, "v180", "m")))
    with av.open(str(source)) as container:
        sizes = [packet.size for packet in container.demux(video=0) if packet.pts is not None]
    copied = read_packets(joined(folder, "v180", "m"))
    copied.check_order()
    assert [len(data) for data in copied.data] == sizes
    assert read_times(folder / "v180-m.m3u8")["video"] == pytest.approx(read_times(source)["video"], abs=1e-4)
    assert lengths_of(folder, "v180-m.m3u8") == [4.5, 1.5]
    sound = read_packets(joined(folder, "a128", "m"))
    assert {right - left for left, right in pairwise(sound.pts)} == {1024}
    assert sound.pts[0] == 0
    assert sum(lengths_of(folder, "a128-m.m3u8")) == pytest.approx(6, abs=0.05)


def test_stored_chunks_become_one_mp4_and_a_storyboard(tmp_path: Path) -> None:
    source = originals.make_video(tmp_path / "a.mp4", size="160x90", seconds=20, rate=25)
    parts = [make(tmp_path / str(span.index), source, chunk(span, shown=video(rate=25.0))) for span in SPANS]
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("v90", "a128"):
        data = b"".join(joined(part, name, f"c{number:03d}-1") for number, part in enumerate(parts))
        originals.written(folder / f"{name}.mp4", data)
    run(progressive_argv(originals.FFMPEG, f"{folder}/v90.mp4", f"{folder}/a128.mp4", str(folder), file="video.mp4"))
    data = (folder / "video.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    times = read_times(folder / "video.mp4")
    assert times["video"] == pytest.approx([number / 25 for number in range(500)], abs=1e-4)
    assert times["audio"][0] == pytest.approx(0, abs=1e-4)
    assert len(times["audio"]) == 938
    with av.open(str(folder / "video.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 500

    board = plan_storyboard(20.0, 160, 90)
    run(storyboard_argv(originals.FFMPEG, f"{folder}/v90.mp4", str(folder), board))
    assert [path.name for path in sorted(folder.glob("storyboard*"))] == list(board.files)
    with Image.open(folder / board.files[0]) as sheet:
        assert sheet.size == (board.width, board.height)
        for tile in range(board.count):
            _, left, top = board.place(tile)
            assert brightest(sheet.crop((left, top, left + 160, top + 90))) > 50


def test_borders_are_whole_packets() -> None:
    assert BORDER_S * AUDIO_RATE % 1024 == 0
    assert all(span.start_s % BORDER_S == 0 for span in cut_film(5000.0))
