"""The commands, word by word: a change of one is seen here."""

from __future__ import annotations

import shlex
from dataclasses import replace

from ments.media.argv import Jail, Limits, audio_argv, child_argv, in_jail, poster_argv
from ments.media.model import AudioStream, Rendition, VideoStream

VIDEO = VideoStream(0, "h264", 1080, 1920, 90, 30.0, "yuv420p", "", 10.0, True)
AUDIO = AudioStream(1, "aac", 2, 10.0, True)
READ = (
    "/ffmpeg -nostdin -hide_banner -v error -y -progress pipe:1 -stats_period 0.5 -protocol_whitelist file "
    "-format_whitelist mov,matroska,mpegts,mpeg,avi,flv,asf,mp3,wav,flac,ogg,aac,gif -max_streams 128 "
    "-max_pixels 36000000 -threads 2 -t 14400 -i file:/in "
)
SOUND = "-c:a aac -b:a 128k -ac 2 -ar 48000 "
END = "-map_metadata -1 -map_chapters -1 -sn -dn -movflags +faststart -f mp4 file:/out/"
POSTER = (
    " -map '[poster]' -frames:v 1 -update 1 -q:v 3 -f image2 file:/out/poster.jpg"
    " -map '[tiny]' -frames:v 1 -f rawvideo file:/out/poster.rgb"
)


def test_slow_motion_loses_frames_and_hdr_becomes_sdr() -> None:
    argv = poster_argv(
        "/ffmpeg",
        "/in",
        "/out",
        video=replace(VIDEO, rate=240.0, transfer="smpte2084"),
        rendition=Rendition(720, 1280, 2_800_000),
    )
    graph = argv[argv.index("-filter_complex") + 1]
    assert graph.startswith(
        r"[0:0]select=isnan(prev_selected_t)+gte(t-prev_selected_t\,0.016),"
        "scale=720:1280:flags=bicubic:out_range=tv,"
        "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,"
        "format=yuv420p,setsar=1,"
    )


def test_a_poster_reads_no_more_than_it_chooses_from() -> None:
    expected = (
        READ + "-filter_complex_threads 1 -filter_complex '[0:0]scale=720:1280:flags=bicubic:out_range=tv,setsar=1,"
        "thumbnail=50,scale=out_range=pc,split=2[poster][still1];[still1]scale=18:32:flags=area,format=rgb24[tiny]'"
        + POSTER
    )
    rendition = Rendition(720, 1280, 2_800_000)
    assert poster_argv("/ffmpeg", "/in", "/out", video=VIDEO, rendition=rendition) == shlex.split(expected)


def test_sound_alone() -> None:
    expected = READ + "-map 0:1 -vn " + SOUND + END + "audio.m4a"
    assert audio_argv("/ffmpeg", "/in", "/out", audio=AUDIO, file="audio.m4a") == shlex.split(expected)


def test_limits_and_jail_stand_in_front() -> None:
    jail = Jail("/usr/bin/bwrap", "/w/source", "/w/out", (("/usr", "/usr"), ("/f", "/f")), (("usr/lib", "/lib"),))
    argv = in_jail(Limits(wall_s=60, cpu_s=30, memory=1000, file=2000), jail, child_argv("/python", "/s.py", "/in"))
    assert argv == shlex.split(
        "/usr/bin/setpriv --pdeathsig KILL /usr/bin/nice -n 5 "
        "/usr/bin/prlimit --as=1000 --cpu=30:35 --fsize=2000 --nofile=256 --core=0 "
        "/usr/bin/bwrap --proc /proc --dev /dev --tmpfs /tmp --ro-bind /usr /usr --ro-bind /f /f --symlink usr/lib /lib "
        "--ro-bind /w/source /in --bind /w/out /out --chdir /out --unshare-all --die-with-parent --new-session "
        "--cap-drop ALL --clearenv --setenv PATH /usr/bin --setenv LANG C.UTF-8 /python -I -B /s.py /in"
    )
    assert in_jail(Limits(60, 30, 1000, 2000), None, ["/x"])[-1] == "/x"
    assert "/usr/bin/bwrap" not in in_jail(Limits(60, 30, 1000, 2000), None, ["/x"])
