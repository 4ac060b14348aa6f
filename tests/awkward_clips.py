"""Awkward but valid originals, each with what must be played in the end."""

from __future__ import annotations

from pathlib import Path

from clips import X264, Clip, card, ffmpeg, film, replaced, rewrapped, tone

_PLAIN = film("plain.mp4")
_HDR = ("-color_primaries", "bt2020", "-colorspace", "bt2020nc")
_X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")


def turned(degrees: int, *flips: str) -> tuple[str, ...]:
    """Options of an input that say how it stands."""
    return ("-display_rotation", str(degrees), *flips)


def _copied(file: str, *words: str, before: tuple[str, ...] = ()) -> Clip:
    return Clip(file, rewrapped(file, "-c", "copy", *words, of=_PLAIN, before=before))


def _uneven(folder: Path) -> Path:
    kept = "select='not(mod(n\\,3))*lt(n\\,30)+not(mod(n\\,10))*gte(n\\,30)'"
    ffmpeg(*card(rate="30", seconds=2), "-vf", kept, "-fps_mode", "vfr", *X264, folder / "uneven.mp4")
    return folder / "uneven.mp4"


def _uneven_to_encode(folder: Path) -> Path:
    """The same in pixels that few can show."""
    (inner := folder / "inner").mkdir()
    ffmpeg("-i", _uneven(inner), "-fps_mode", "vfr", *X264[:4], "-pix_fmt", "yuv444p", folder / "uneven.mkv")
    return folder / "uneven.mkv"


def _two_rates(folder: Path) -> Path:
    """A second of 10 pictures, then one of 50: what a phone writes when the light changes."""
    joined = "[0:v]settb=1/1000[a];[1:v]settb=1/1000[b];[a][b]concat=n=2:v=1"
    inputs = (*card(rate="10"), *card(rate="50"), *tone(2))
    ffmpeg(*inputs, "-filter_complex", joined, "-fps_mode", "vfr", *X264, "-c:a", "aac", folder / "rates.mov")
    return folder / "rates.mov"


def _baggage(folder: Path) -> Path:
    (folder / "words.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nWords that nobody asked for\n")
    (folder / "font.ttf").write_bytes(b"not a font" * 50)
    chapters = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n"
    (folder / "chapters.txt").write_text(chapters)
    ffmpeg(*card(), *tone(), "-i", folder / "words.srt", "-i", folder / "chapters.txt", "-map", "0", "-map", "1",
           "-map", "2", "-map_chapters", "3", *X264, "-c:a", "aac", "-attach", folder / "font.ttf",
           "-metadata:s:t", "mimetype=application/x-truetype-font", folder / "baggage.mkv")  # fmt: skip
    return folder / "baggage.mkv"


def _with_cover(file: str, *, moving: bool = True) -> Clip:
    """A cover picture before the film, or before a sound; Matroska keeps it among the attachments."""

    def make(folder: Path) -> Path:
        ffmpeg("-f", "lavfi", "-i", "color=yellow:s=64x64", "-frames:v", "1", folder / "cover.png")
        inputs = (*tone(), *card(), "-i", str(folder / "cover.png"))
        films: tuple[str, ...] = ("-map", "1", *X264) if moving else ()
        if file.endswith("mkv"):
            cover: tuple[str, ...] = ("-attach", str(folder / "cover.png"), "-metadata:s:t", "mimetype=image/png")
            ffmpeg(*inputs, *films, "-map", "0", "-c:a", "aac", *cover, folder / file)
        else:
            cover = ("-c:v:0", "png", "-pix_fmt:v:0", "rgb24", "-disposition:v:0", "attached_pic")
            ffmpeg(*inputs, "-map", "2", *films, "-map", "0", "-c:a", "aac", *cover, folder / file)
        return folder / file

    return Clip(f"cover-in-{file}", make, size=(160, 120) if moving else None)


def _unknown_first(folder: Path) -> Path:
    """Two pictures, the first to be given a name that is not its own; the second one is good."""
    ffmpeg(*card("64x64"), *card(), *tone(), "-map", "0", "-map", "1", "-map", "2", "-c:v:0", "ffv1", "-c:v:1",
           "libx264", "-pix_fmt:v:1", "yuv420p", "-c:a", "aac", folder / "two.mkv")  # fmt: skip
    return folder / "two.mkv"


def _two_sounds(folder: Path) -> Path:
    """Two sounds of which the first is the one meant; the second is silence."""
    ffmpeg(*card(), *tone(), "-f", "lavfi", "-i", "anullsrc=d=1", "-map", "0", "-map", "1", "-map", "2", *X264,
           "-c:a", "aac", folder / "two.mp4")  # fmt: skip
    return folder / "two.mp4"


def _surround(folder: Path) -> Path:
    ffmpeg(*card(), *tone(), *X264, "-af", "pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0", "-c:a", "ac3",
           folder / "surround.mp4")  # fmt: skip
    return folder / "surround.mp4"


def _grown(folder: Path) -> Path:
    """Pictures that change their size in the middle, as recorded calls do."""
    for size in ("80x60", "160x120"):
        ffmpeg(*card(size), *X264, folder / f"{size}.ts")
    whole = folder / "grown.ts"
    whole.write_bytes((folder / "80x60.ts").read_bytes())
    ffmpeg("-output_ts_offset", "1", "-i", folder / "160x120.ts", "-c", "copy", "-output_ts_offset", "1",
           folder / "later.ts")  # fmt: skip
    whole.write_bytes(whole.read_bytes() + (folder / "later.ts").read_bytes())
    return whole


def _plain_gif(folder: Path) -> Path:
    ffmpeg(*card(rate="10"), folder / "moving.gif")
    return folder / "moving.gif"


STANDING = (
    Clip("turned-90", rewrapped("a.mov", "-c", "copy", of=_PLAIN, before=turned(90)), (120, 160), corners="gwrb"),
    Clip("turned-180", rewrapped("a.mp4", "-c", "copy", of=_PLAIN, before=turned(180)), corners="wbgr"),
    Clip("turned-270", rewrapped("a.mp4", "-c", "copy", of=_PLAIN, before=turned(-90)), (120, 160), corners="brwg"),
    Clip("mirrored", rewrapped("a.mov", "-c", "copy", of=_PLAIN, before=("-display_hflip",)), corners="grwb"),
    Clip("upside-down", rewrapped("a.mov", "-c", "copy", of=_PLAIN, before=("-display_vflip",)), corners="bwrg"),
    Clip(
        "turned-and-mirrored",
        rewrapped("a.mov", "-c", "copy", of=_PLAIN, before=turned(90, "-display_hflip")),
        (120, 160),
        corners="wgbr",
    ),
    Clip("portrait", film("a.mp4", size="120x200"), (120, 200)),
    Clip("odd-sides", film("a.mkv", "-pix_fmt", "yuv444p", size="161x121")),
    Clip("one-odd-side", film("a.mkv", "-pix_fmt", "yuv444p", size="160x121")),
    Clip("oblong-pixels", film("a.mp4", "-vf", "setsar=2/1", size="160x120"), (320, 120)),
    Clip("oblong-by-container", rewrapped("a.mkv", "-c", "copy", "-aspect", "8:3", of=_PLAIN), (320, 120)),
    Clip("tall-pixels", film("a.mp4", "-vf", "setsar=1/2", size="160x120"), (80, 120)),
    Clip("a-strip", film("a.mp4", size="640x16"), (640, 16)),
    Clip("grows", _grown, seconds=2, frames=50, sound=False, size=(80, 60)),
)

PIXELS = (
    Clip("10-bit", film("a.mp4", "-pix_fmt", "yuv420p10le")),
    Clip("4-2-2", film("a.mov", "-pix_fmt", "yuv422p")),
    Clip("4-4-4", film("a.mp4", "-pix_fmt", "yuv444p")),
    Clip("rgb", film("a.mkv", picture=("-c:v", "libx264rgb", "-preset", "ultrafast"))),
    Clip("gray", film("a.mp4", "-pix_fmt", "gray"), corners="kwkw"),
    Clip("full-range", film("a.mp4", "-pix_fmt", "yuvj420p", "-color_range", "pc")),
    Clip("hdr-pq", film("a.mp4", *_HDR, "-color_trc", "smpte2084", "-pix_fmt", "yuv420p10le", picture=_X265)),
    Clip("hdr-hlg", film("a.mov", *_HDR, "-color_trc", "arib-std-b67", "-pix_fmt", "yuv420p10le", picture=_X265)),
    Clip("hdr-half-named", film("a.mp4", "-color_trc", "smpte2084")),
    Clip("see-through", film("a.mov", "-pix_fmt", "yuva444p10le", picture=("-c:v", "prores_ks", "-profile:v", "4444"))),
    Clip("interlaced", film("a.mts", "-flags", "+ildct+ilme", "-x264opts", "tff=1")),
)

TIMES = (
    Clip("uneven", _uneven, seconds=1.7, frames=13, sound=False),
    Clip("uneven-444", _uneven_to_encode, seconds=1.7, frames=13, sound=False),
    Clip("two-rates", _two_rates, seconds=2, frames=60),
    Clip("one-a-second", film("a.mp4", rate="1", seconds=3, sound_s=3), seconds=3, frames=3),
    Clip("ntsc", film("a.mp4", rate="30000/1001"), frames=30),
    Clip("60-a-second", film("a.mp4", rate="60"), frames=60),
    Clip("120-a-second", film("a.mp4", rate="120"), frames=60),
    Clip("240-a-second", film("a.mov", rate="240"), frames=60),
    Clip("a-third-of-a-second", film("a.mp4", seconds=0.32, sound_s=0.3), seconds=0.32, frames=8, heard=((0.1, 0.25),)),
    Clip("one-picture", film("a.mp4", seconds=0.04, sound_s=None), seconds=0.04, frames=1, sound=False),
    Clip("one-picture-long-sound", film("a.mp4", seconds=0.04, sound_s=2), seconds=2, frames=1),
    Clip("one-keyframe", film("a.mp4", "-g", "9999", "-bf", "8", seconds=5, sound_s=5), seconds=5, frames=125),
    Clip("keyframes-only", film("a.mp4", "-g", "1")),
    Clip("no-order", film("a.mp4", "-bf", "3", "-x264opts", "b-pyramid=normal")),
    Clip("open-groups", film("a.ts", "-g", "10", "-bf", "2", "-x264opts", "open-gop=1")),
    Clip("begins-at-ten-hours", film("a.ts", "-output_ts_offset", "36000")),
    Clip("edit-list", rewrapped("a.mp4", "-c", "copy", of=film("b.mp4", seconds=2, sound_s=2), before=("-ss", "1"))),
    Clip("late-picture", film("a.mp4", before=("-itsoffset", "0.5")), seconds=1.5),
)

SOUNDS = (
    Clip("silent", film("a.mp4", sound_s=None), sound=False),
    Clip("phone-call", film("a.mp4", sound_rate=8000)),
    Clip("surround", _surround),
    Clip("two-sounds", _two_sounds),
    Clip("96-khz", film("a.mkv", sound_rate=96_000, sound=("-c:a", "flac"))),
    Clip("longer-sound", film("a.mp4", sound_s=2.5), seconds=2.5, heard=((0.2, 0.8), (1.5, 2.3))),
    Clip(
        "shorter-sound",
        film("a.mp4", seconds=2, sound_s=0.8),
        seconds=2,
        frames=50,
        heard=((0.2, 0.7),),
        silent=((1, 1.9),),
    ),
    Clip(
        "late-sound",
        film("a.mp4", seconds=2, before_sound=("-itsoffset", "0.8")),
        seconds=2,
        frames=50,
        heard=((1, 1.7),),
        silent=((0.1, 0.7),),
    ),
    Clip("sound-only-mp4", film("a.mp4", "-map", "1:a"), None),
    Clip("sound-only-mkv", film("a.mkv", "-map", "1:a", sound=("-c:a", "libopus")), None),
    _with_cover("sound.mp4", moving=False),
    _with_cover("sound.mkv", moving=False),
)

STREAMS = (
    Clip("baggage", _baggage),
    Clip("forty-sounds", rewrapped("a.mkv", "-map", "0:v", *("-map", "0:a") * 40, "-c", "copy", of=_PLAIN)),
    Clip("timecode", film("a.mov", "-timecode", "01:00:00:00")),
    _with_cover("film.mp4"),
    _with_cover("film.mkv"),
    Clip("unknown-first", replaced(_unknown_first, b"V_FFV1", b"V_XYZ1")),
    Clip("unreadable-first", replaced(_unknown_first, b"V_FFV1", b"V_VP9\0")),
)

CONTAINERS = (
    Clip("index-last.mp4", film("a.mp4")),
    _copied("index-first.mp4", "-movflags", "+faststart"),
    _copied("fragments.mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"),
    _copied("itunes.m4v", "-f", "ipod"),
    _copied("plain.flv"),
    _copied("plain.ts"),
    _copied("plain.mkv"),
    Clip("camera.m2ts", film("a.m2ts", "-f", "mpegts", "-mpegts_m2ts_mode", "1", sound=("-c:a", "ac3"))),
    Clip("vp8.webm", film("a.webm", picture=("-c:v", "libvpx", "-deadline", "realtime"), sound=("-c:a", "libvorbis"))),
    Clip(
        "vp9.webm",
        film(
            "a.webm",
            picture=("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
            sound=("-c:a", "libopus"),
        ),
    ),
    Clip(
        "av1.webm",
        film(
            "a.webm", picture=("-c:v", "libsvtav1", "-preset", "13", "-pix_fmt", "yuv420p"), sound=("-c:a", "libopus")
        ),
    ),
    Clip("hevc.mp4", film("a.mp4", "-tag:v", "hvc1", "-pix_fmt", "yuv420p", picture=_X265)),
    Clip("mpeg4.avi", film("a.avi", picture=("-c:v", "mpeg4", "-bf", "1"), sound=("-c:a", "libmp3lame"))),
    Clip("mjpeg.avi", film("a.avi", "-pix_fmt", "yuvj422p", picture=("-c:v", "mjpeg"), sound=("-c:a", "pcm_u8"))),
    Clip("msmpeg4.avi", film("a.avi", picture=("-c:v", "msmpeg4"), sound=("-c:a", "adpcm_ms"))),
    Clip("old.wmv", film("a.wmv", picture=("-c:v", "wmv2"), sound=("-c:a", "wmav2"))),
    Clip("old.flv", film("a.flv", picture=("-c:v", "flv"), sound=("-c:a", "libmp3lame"))),
    Clip(
        "old.3gp",
        film(
            "a.3gp",
            "-ac",
            "1",
            size="176x144",
            sound_rate=8000,
            picture=("-c:v", "h263"),
            sound=("-c:a", "libopencore_amrnb"),
        ),
        (176, 144),
    ),
    Clip("old.mpg", film("a.mpg", picture=("-c:v", "mpeg2video"), sound=("-c:a", "mp2"))),
    Clip("theora.ogv", film("a.ogv", picture=("-c:v", "libtheora"), sound=("-c:a", "libvorbis"))),
    Clip("prores.mov", film("a.mov", picture=("-c:v", "prores_ks"), sound=("-c:a", "pcm_s16le"))),
    Clip("pictures.mov", film("a.mov", picture=("-c:v", "png"), sound=("-c:a", "pcm_s24be"))),
    Clip("moving.gif", _plain_gif, frames=10, sound=False),
)

NAMES = (
    Clip("long-name", film("a.mp4", sound_s=None), sound=False, filename="x" * 5000 + ".mp4"),
    Clip("option", film("a.mp4", sound_s=None), sound=False, filename="-i %03d.mp4"),
    Clip("protocol", film("a.mp4", sound_s=None), sound=False, filename="concat:/etc/passwd|file:x"),
    Clip("path", film("a.mp4", sound_s=None), sound=False, filename="../../$(reboot)\n\u202e;4pm.'\"\\x"),
)

CLIPS = (*STANDING, *PIXELS, *TIMES, *SOUNDS, *STREAMS, *CONTAINERS, *NAMES)
