"""The commands for HLS, word by word: a change of one is seen here."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.media.chunks import Span
from ments.media.encoding import PREROLL_STEP_S, CopyRun, LadderRun, RungEncoding, choose_encoding, find_preroll
from ments.media.hls_argv import (
    copy_argv,
    keyframe_poster_argv,
    ladder_argv,
    progressive_argv,
    read_argv,
    storyboard_argv,
)
from ments.media.hls_graph import AUDIO_RATE
from ments.media.model import AudioStream, Rendition, VideoStream
from ments.media.storyboard import plan_storyboard

VIDEO = VideoStream(0, "h264", 1920, 1080, 0, 30.0, "yuv420p", "", 70.0, True)
AUDIO = AudioStream(1, "aac", 6, 70.0, True)
RUNGS = (RungEncoding(Rendition(426, 240, 400_000), "medium", 21), RungEncoding(Rendition(1280, 720, 2_800_000)))
MIDDLE = LadderRun(VIDEO, AUDIO, Span(1, 8, 16.0, False), RUNGS, "c001-2")
WHOLE = LadderRun(
    VIDEO, None, Span(0, 0, 5.5, True), RUNGS, "c000-1", poster=True, storyboard=plan_storyboard(5.5, 1920, 1080)
)
COPY = CopyRun(VIDEO, AUDIO, True, 70.0, "v1080", "c000-1")

FRONT = "/ffmpeg -nostdin -hide_banner -v error -y -progress pipe:1 -stats_period 0.5 -copyts -start_at_zero "
SAFE = (
    "-protocol_whitelist file -format_whitelist mov,matroska,mpegts,mpeg,avi,flv,asf,mp3,wav,flac,ogg,aac,gif "
    "-max_streams 128 -max_pixels 36000000 -threads 2 "
)
OURS = "-protocol_whitelist file -format_whitelist mov -max_streams 128 -max_pixels 36000000 -threads 2 "
BARE = "-map_metadata -1 -map_chapters -1 -sn -dn "
CLOCK = (
    r"-bsf:v 'setts=pts=PTS:dts=DTS:duration=st(1\,if(gte(PTS\,ld(0))\,DURATION\,ld(1)))*0+st(0\,max(ld(0)\,PTS))*0"
    r"+if(eq(NEXT_DTS\,NOPTS)\,ld(0)+ld(1)-STARTPTS-(DTS-STARTDTS)\,NEXT_DTS-DTS)' "
)
SOUND = (
    r"[0:1]aresample=48000,aformat=sample_fmts=fltp:channel_layouts=stereo,aresample=async=1:first_pts={start}[heard];"
    r"anullsrc=r=48000:cl=stereo:d={length},asetpts=PTS+{start}[silence];"
    r"[silence][heard]amix=inputs=2:duration=longest:normalize=0[sound]"
)


def rung(name: str, mark: str, preset: str, crf: int, rate: int, keyframes: str) -> str:
    return (
        f"-map '[{name}]' -c:v libx264 -preset {preset} -crf {crf} -maxrate {rate} -bufsize {2 * rate} "
        f"-pix_fmt yuv420p -profile:v high -fps_mode vfr -enc_time_base 1:90000 -force_key_frames {keyframes} "
        f"-sc_threshold 0 -g 600 -flags +cgop -threads 1 {CLOCK}"
    ) + hls(name, mark, "3.95", "independent_segments+temp_file")


def hls(name: str, mark: str, segment_s: str, flags: str) -> str:
    return (
        f"{BARE}-avoid_negative_ts disabled -f hls -hls_time {segment_s} -hls_playlist_type event "
        f"-hls_segment_type fmp4 -hls_segment_options movflags=+frag_discont+skip_sidx -hls_flags {flags} "
        f"-hls_fmp4_init_filename {name}-{mark}-init.mp4 -hls_segment_filename /out/{name}-{mark}-%05d.m4s "
        f"/out/{name}-{mark}.m3u8 "
    )


def test_small_rungs_take_the_time_that_large_ones_save() -> None:
    small, large = choose_encoding(Rendition(426, 240, 400_000)), choose_encoding(Rendition(1080, 1920, 5_000_000))
    assert (small.name, small.preset, small.options) == ("v240", "veryfast", "trellis=1")
    assert (large.name, large.preset, large.crf) == ("v1080", "superfast", 24.5)
    assert choose_encoding(Rendition(854, 480, 1_400_000)).crf == 24.2
    argv = ladder_argv("/ffmpeg", "/in", "/out", replace(MIDDLE, rungs=(large,)))
    assert argv[argv.index("-x264-params") + 1] == "mbtree=1:rc-lookahead=10:trellis=1"


def test_a_chunk_in_the_middle_of_a_film() -> None:
    graph = (
        "[0:0]settb=1/90000,trim=start=8:end=16,scale=1280:720:flags=bicubic:out_range=tv,format=yuv420p,setsar=1,"
        "split=2[v720][belowv720];[belowv720]scale=426:240:flags=bicubic,setsar=1[v240];"
        + SOUND.format(start=368_640, length="8.640000")
    )
    expected = (
        f"{FRONT}{SAFE}-ss 7.68 -t 8.64 -i file:/in -filter_complex_threads 1 -filter_complex '{graph}' "
        + rung("v720", "c001-2", "veryfast", 23, 2_800_000, "8,10,12,14")
        + rung("v240", "c001-2", "medium", 21, 400_000, "8,10,12,14")
        + "-map '[sound]' -c:a aac -b:a 128k -bsf:a \"noise=drop='lt(pts,384000)+gte(pts,768000)'\" "
        + hls("a128", "c001-2", "4", "temp_file")
    )
    assert ladder_argv("/ffmpeg", "/in", "/out", MIDDLE) == shlex.split(expected)


def test_a_whole_silent_film_with_its_poster_and_storyboard() -> None:
    graph = (
        "[0:0]settb=1/90000,scale=1280:720:flags=bicubic:out_range=tv,format=yuv420p,setsar=1,"
        "split=3[v720][still][belowv720];[belowv720]scale=426:240:flags=bicubic,setsar=1,split=2[v240][tiles];"
        r"[still]select=isnan(prev_selected_t)+gte(t-prev_selected_t\,0.344),thumbnail=16,"
        "scale=out_range=pc,split=2[poster][still1];[still1]scale=32:18:flags=area,format=rgb24[tiny];"
        "[tiles]scale=160:90:flags=area:out_range=pc,setsar=1,fps=1/2:start_time=0:round=near:eof_action=pass,"
        "tile=3x1[board]"
    )
    expected = (
        f"{FRONT}{SAFE}-t 14400 -i file:/in -filter_complex_threads 1 -filter_complex '{graph}' "
        + rung("v720", "c000-1", "veryfast", 23, 2_800_000, "0,2,4")
        + rung("v240", "c000-1", "medium", 21, 400_000, "0,2,4")
        + "-map '[poster]' -frames:v 1 -update 1 -q:v 3 -f image2 file:/out/poster.jpg "
        "-map '[tiny]' -frames:v 1 -f rawvideo file:/out/poster.rgb "
        "-map '[board]' -frames:v 1 -q:v 6 -f image2 -start_number 0 file:/out/storyboard-%03d.jpg"
    )
    assert ladder_argv("/ffmpeg", "/in", "/out", WHOLE) == shlex.split(expected)


def graph_of(run: LadderRun) -> str:
    argv = ladder_argv("/ffmpeg", "/in", "/out", run)
    return argv[argv.index("-filter_complex") + 1]


def test_the_last_chunk_takes_all_that_is_left() -> None:
    run = replace(MIDDLE, span=Span(2, 16, 20.5, True))
    assert "trim=start=16,scale" in graph_of(run)
    argv = ladder_argv("/ffmpeg", "/in", "/out", run)
    assert argv[argv.index("-ss") : argv.index("-i")] == ["-ss", "15.68", "-t", "14400"]
    assert "noise=drop='lt(pts,768000)'" in argv
    assert "anullsrc=r=48000:cl=stereo:d=4.820000," in graph_of(run)


def test_slow_motion_and_hdr() -> None:
    graph = graph_of(replace(WHOLE, video=replace(VIDEO, rate=240.0, transfer="arib-std-b67"), rungs=RUNGS[:1]))
    assert graph.startswith(
        r"[0:0]settb=1/90000,select=isnan(prev_t)+gt(floor(t*60+0.05)\,floor(prev_t*60+0.05)),"
        "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc,"
        "scale=426:240:flags=bicubic:out_range=tv,"
        "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,"
        "format=yuv420p,setsar=1,split=3[v240][still][tiles];"
    )


def test_a_rung_by_itself_needs_no_split() -> None:
    graph = graph_of(replace(MIDDLE, audio=None, rungs=RUNGS[:1]))
    assert graph.endswith("setsar=1[v240]")


def test_a_copy_with_its_sound() -> None:
    expected = (
        f"{FRONT}{SAFE}-t 14400 -i file:/in -map 0:0 -c:v copy {CLOCK}"
        + hls("v1080", "c000-1", "4", "temp_file")
        + "-map 0:1 -c:a copy -bsf:a \"aac_adtstoasc,noise=drop='lt(pts,0)'\" "
        + hls("a128", "c000-1", "4", "temp_file")
    )
    assert copy_argv("/ffmpeg", "/in", "/out", COPY) == shlex.split(expected)


def test_a_copy_whose_sound_is_encoded_or_is_none() -> None:
    argv = copy_argv("/ffmpeg", "/in", "/out", replace(COPY, copy_audio=False))
    assert argv[argv.index("-filter_complex") + 1] == SOUND.format(start=0, length="70.000000")
    assert argv[argv.index("-c:a") + 1] == "aac"
    silent = copy_argv("/ffmpeg", "/in", "/out", replace(COPY, audio=None))
    assert "-c:a" not in silent
    assert "a128" not in " ".join(silent)


def test_a_copy_of_a_film_s_beginning() -> None:
    argv = copy_argv("/ffmpeg", "/in", "/out", replace(COPY, copy_audio=False, stop_s=13.25))
    assert argv[argv.index("-t") : argv.index("-i")] == ["-t", "13.25"]
    assert argv[argv.index("-filter_complex") + 1] == SOUND.format(start=0, length="13.250000")


def test_a_poster_of_keyframes() -> None:
    expected = (
        f"{FRONT}{OURS}-skip_frame nokey -t 14400 -i file:/in -filter_complex_threads 1 -filter_complex "
        "'[0:v:0]scale=1280:720:flags=bicubic,setsar=1,thumbnail=100,"
        "scale=out_range=pc,split=2[poster][still1];[still1]scale=32:18:flags=area,format=rgb24[tiny]' "
        "-map '[poster]' -frames:v 1 -update 1 -q:v 3 -f image2 file:/out/poster.jpg "
        "-map '[tiny]' -frames:v 1 -f rawvideo file:/out/poster.rgb"
    )
    argv = keyframe_poster_argv("/ffmpeg", "/in", "/out", rendition=Rendition(1280, 720, 0))
    assert argv == shlex.split(expected)


def test_one_mp4_of_what_is_stored() -> None:
    expected = (
        f"{FRONT}{OURS}-t 14400 -i file:/in -protocol_whitelist file -format_whitelist mov -i file:/out/sound.mp4 "
        f"-map 0:v:0 -map 1:a:0 -c copy {BARE}-movflags +faststart -f mp4 file:/out/video.mp4"
    )
    argv = progressive_argv("/ffmpeg", "/in", "/out/sound.mp4", "/out", file="video.mp4")
    assert argv == shlex.split(expected)
    assert progressive_argv("/ffmpeg", "/in", None, "/out", file="video.mp4").count("-map") == 1


def test_a_storyboard_of_keyframes() -> None:
    expected = (
        f"{FRONT}{OURS}-skip_frame nokey -t 14400 -i file:/in -filter_complex '[0:v:0]"
        "scale=160:90:flags=area:out_range=pc,setsar=1,fps=1/4:start_time=0:round=near:eof_action=pass,tile=5x5[board]' "
        "-map '[board]' -frames:v 6 -q:v 6 -f image2 -start_number 0 file:/out/storyboard-%03d.jpg"
    )
    assert storyboard_argv("/ffmpeg", "/in", "/out", plan_storyboard(600, 1280, 720)) == shlex.split(expected)


def test_what_is_read_is_never_a_playlist_or_an_address() -> None:
    argv = read_argv("/ffmpeg", "concat:x", start_s=8, end_s=16)
    assert argv[-1] == "file:concat:x"
    assert "hls" not in argv[argv.index("-format_whitelist") + 1]
    assert argv.index("-ss") < argv.index("-i")


@given(st.sampled_from(["mov", "matroska", "mpegts", "asf"]), st.floats(0, 600), st.integers(0, 200))
def test_sound_begins_on_the_grid_of_packets(container: str, gap_s: float, number: int) -> None:
    preroll = find_preroll(container, gap_s)
    assert preroll >= (PREROLL_STEP_S if container in ("mov", "matroska") else gap_s)
    run = replace(MIDDLE, span=Span(number, 8 * number, 8.0 * number + 8, False), preroll_s=preroll)
    assert 0 <= run.seek_s <= run.span.start_s
    assert round(run.seek_s * AUDIO_RATE, 6) % 1024 == 0


@pytest.mark.parametrize(("shorts", "poster"), [((240, 720, 1080), "v720"), ((240, 1080), "v1080"), ((240,), "v240")])
def test_the_poster_is_of_720_lines_or_the_largest(shorts: tuple[int, ...], poster: str) -> None:
    rungs = tuple(RungEncoding(Rendition(short * 16 // 9, short, 400_000)) for short in shorts)
    graph = graph_of(replace(WHOLE, rungs=rungs))
    assert f"[{poster}][still]" in graph
    assert replace(WHOLE, poster=False).poster_rung is None


def test_fields_are_put_together_before_the_cut() -> None:
    graph = graph_of(replace(MIDDLE, video=replace(VIDEO, is_interlaced=True)))
    assert graph.startswith("[0:0]bwdif=mode=send_frame:deint=interlaced,settb=1/90000,trim=start=8:end=16,scale=")
