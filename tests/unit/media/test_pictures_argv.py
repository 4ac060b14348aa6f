"""The commands for pictures of sound and for previews, word by word."""

from __future__ import annotations

import shlex

from ments.media.pictures_argv import cover_argv, loudness_argv, preview_argv

READ = (
    "/ffmpeg -nostdin -hide_banner -v error -y -protocol_whitelist file,pipe "
    "-format_whitelist mov,matroska,mpegts,mpeg,avi,flv,asf,mp3,wav,flac,ogg,aac,gif -max_streams 128 "
    "-max_pixels 36000000 -threads 1 -filter_threads 1 -t 14400 "
)


def test_a_cover_is_copied_not_decoded() -> None:
    expected = READ + "-i file:/in -map 0:v:disp:attached_pic -frames:v 1 -c copy -update 1 -f image2 file:/out/cover"
    assert cover_argv("/ffmpeg", "/in", "/out") == shlex.split(expected)


def test_loudness_holds_one_part_in_memory() -> None:
    argv = loudness_argv("/ffmpeg", "/in", length_s=120.0, parts=200)
    assert argv[: len(shlex.split(READ))] == shlex.split(READ)
    assert argv[-4] == (
        "aformat=sample_fmts=flt:sample_rates=48000:channel_layouts=mono,asetnsamples=n=28800:p=0,"
        "astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=RMS_level,"
        r"ametadata=mode=print:key=lavfi.astats.Overall.RMS_level:file='pipe\:1'"
    )
    assert r"asetnsamples=n=1:p=0" in " ".join(loudness_argv("/ffmpeg", "/in", length_s=0.0, parts=200))


def test_a_preview_is_read_from_its_start_and_made_of_few_pictures() -> None:
    argv = preview_argv(
        "/ffmpeg", "/in", "/out", start_s=20.0, length_s=3.0, width=426, height=240, rate=10, quality=30
    )
    expected = (
        READ + "-ss 20.000 -t 3.000 -i file:/in -map 0:v:0 -an -sn -dn "
        r"-vf 'select=isnan(prev_selected_t)+gte(t-prev_selected_t\,0.090),scale=426:240:flags=bicubic' "
        "-fps_mode vfr -frames:v 32 -c:v libwebp_anim -quality 30 -compression_level 2 -loop 0 -map_metadata -1 "
        "-f webp file:/out/preview.webp"
    )
    assert argv == shlex.split(expected)
