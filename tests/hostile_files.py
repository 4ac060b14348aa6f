"""Originals that would do harm: the rows of the table in the design of media, each with the words for its author."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

import photos
from clips import X264, card, ffmpeg, film, replaced, rewrapped, tone
from originals import cut, written

SECRET = b"SecretWordsOfSomebodyElse"
UNREADABLE = "This isn't a video, photo or sound we can read."


@dataclass(frozen=True, slots=True)
class Hostile:
    """An original that must be refused. `words` are a part of what its author is told."""

    name: str
    make: Callable[[Path], Path]
    code: str
    words: str


def _text(name: str, text: str) -> Callable[[Path], Path]:
    return lambda folder: written(folder / name, text.encode())


def _raw(name: str, data: Callable[[], bytes]) -> Callable[[Path], Path]:
    return lambda folder: written(folder / name, data())


def _short(make: Callable[[Path], Path], part: float) -> Callable[[Path], Path]:
    return lambda folder: cut(folder / "cut", make(folder), part)


def playlist(line: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{line}\n#EXT-X-ENDLIST\n"


def _beside(folder: Path) -> Path:
    """A playlist that names a film which lies beside it."""
    film("beside.ts")(folder)
    return written(folder / "a.mp4", playlist("beside.ts").encode())


def gap(folder: Path) -> Path:
    """Half a second, then another one 100,000 s later."""
    leap = ("-vf", "setpts='PTS+gte(N,12)*100000/TB'", "-fps_mode", "passthrough", "-enc_time_base", "1:1000")
    ffmpeg(*card("64x64"), *leap, *X264, folder / "gap.mkv")
    return folder / "gap.mkv"


def many_pictures(folder: Path, *, count: int = 200_000, shown_cs: int = 10) -> Path:
    """A GIF of so many pictures, each shown for `shown_cs` hundredths of a second."""
    two = [Image.new("P", (16, 16), shade) for shade in (0, 1)]
    two[0].save(folder / "two.gif", save_all=True, append_images=two[1:], duration=shown_cs * 10, disposal=1)
    data = (folder / "two.gif").read_bytes()
    last = data[data.rindex(b"\x21\xf9\x04") : -1]
    path = folder / "many.gif"
    with path.open("wb") as file:
        file.write(data[:-1])
        for _ in range(count // 1000):
            file.write(last * 1000)
        file.write(b";")
    return path


_STREAMS = rewrapped("many.mkv", *("-map", "0") * 200, "-c", "copy", of=film("a.mkv", "-map", "1:a"))


def _large_photo(side: int) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        Image.new("1", (side, side)).save(folder / "a.png")
        return folder / "a.png"

    return make


_FAST = film("a.mp4", "-movflags", "+faststart", "-g", "10", seconds=4, sound_s=4)
_STOPS = r"cut off: it stops after \d\.\d of \d\.\d s. Send it again."

REFUSED = (
    Hostile("m3u8-relative", _beside, "unreadable", UNREADABLE),
    Hostile("m3u8-absolute", _text("a.mp4", playlist("/etc/passwd")), "unreadable", UNREADABLE),
    Hostile("m3u8-address", _text("a.mp4", playlist("http://127.0.0.1:9/x.ts")), "unreadable", UNREADABLE),
    Hostile("ffconcat", _text("a.mp4", "ffconcat version 1.0\nfile /etc/passwd\n"), "unreadable", UNREADABLE),
    Hostile("sdp", _text("a.mp4", "v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"), "unreadable", UNREADABLE),
    Hostile("gap", gap, "too_long", "longer than 4 hours"),
    Hostile("10000-a-second", film("a.mp4", rate="10000", seconds=0.4, sound_s=None), "too_fast", "frames a second"),
    Hostile("png-50000", _raw("a.png", lambda: photos.png_that_claims(50_000, 50_000)), "too_many_pixels", "50,000"),
    Hostile("png-12000", _large_photo(12_000), "too_many_pixels", "12,000 by 12,000"),
    Hostile("gif-without-end", many_pictures, "too_long", "longer than 4 hours"),
    Hostile("one-byte", _raw("a.mp4", lambda: b"\0"), "unreadable", UNREADABLE),
    Hostile("zeros", _raw("a.mp4", lambda: bytes(100_000)), "unreadable", UNREADABLE),
    Hostile("noise", _raw("a.mp4", lambda: random.Random(1).randbytes(100_000)), "unreadable", UNREADABLE),
    Hostile("no-index", _short(film("a.mp4", seconds=3), 0.6), "cut_off", "stops before the index"),
    Hostile("cut.mp4", _short(_FAST, 0.6), "cut_off", _STOPS),
    Hostile("cut.mkv", _short(film("a.mkv", seconds=4, sound_s=4), 0.6), "cut_off", _STOPS),
    Hostile("cut.avi", _short(film("a.avi", seconds=4, sound_s=4), 0.6), "cut_off", _STOPS),
    Hostile("cut.flv", _short(film("a.flv", seconds=4, sound_s=4), 0.6), "cut_off", _STOPS),
    Hostile("cut.m4a", _short(film("a.mp4", "-map", "1:a", "-movflags", "+faststart", sound_s=4), 0.6), "cut_off", _STOPS),
    Hostile("cut.jpg", _short(lambda folder: photos.save_marked(folder / "a.jpg", size=(900, 600)), 0.6), "cut_off", "photo is cut off"),
    Hostile("8k", film("a.mp4", size="7680x4320", seconds=0.04, sound_s=None), "too_many_pixels", "7680 by 4320"),
    Hostile("svg", _text("a.svg", "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"), "unreadable", UNREADABLE),
    Hostile("html-named-jpeg", _raw("a.jpg", lambda: b"\xff\xd8\xff\xe0" + photos.SCRIPT), "unreadable", UNREADABLE),
    Hostile("many-streams", _STREAMS, "unreadable", UNREADABLE),
    Hostile("unknown-picture", replaced(film("a.mkv"), b"V_MPEG4/ISO/AVC", b"V_MPEG9/ISO/XYZ"), "picture_unreadable", "we can't read"),
    Hostile("unknown-sound", replaced(film("a.mkv"), b"A_AAC", b"A_XYZ"), "sound_unreadable", "The picture is fine, but the sound"),
)  # fmt: skip


def film_with_place(folder: Path) -> Path:
    """A film that says where it was filmed, and by whom, in all the ways that its container knows."""
    words = SECRET.decode()
    named = [word for key in ("location", "title", "comment", "artist") for word in ("-metadata", f"{key}={words}")]
    film("a.mov", *named, "-metadata:s:v", f"handler_name={words}", "-movflags", "+use_metadata_tags")(folder)
    assert SECRET in (folder / "a.mov").read_bytes()
    return folder / "a.mov"


def film_with_baggage(folder: Path) -> Path:
    """A film with subtitles, an attachment and chapters."""
    (folder / "words.srt").write_bytes(b"1\n00:00:00,000 --> 00:00:01,000\n" + SECRET + b"\n")
    (folder / "font.ttf").write_bytes(SECRET * 10)
    (folder / "chapters.txt").write_bytes(
        b";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=" + SECRET
    )
    ffmpeg(*card(), "-i", folder / "words.srt", "-i", folder / "chapters.txt", "-map", "0", "-map", "1",
           "-map_chapters", "2", *X264, "-attach", folder / "font.ttf", "-metadata:s:t", "mimetype=font/ttf",
           folder / "a.mkv")  # fmt: skip
    assert SECRET in (folder / "a.mkv").read_bytes()
    return folder / "a.mkv"


def song_with_cover(folder: Path) -> Path:
    """An MP3 with a picture and a name."""
    ffmpeg("-f", "lavfi", "-i", "color=yellow:s=64x64", "-frames:v", "1", folder / "cover.png")
    ffmpeg(*tone(), "-i", folder / "cover.png", "-map", "0", "-map", "1", "-c:v", "copy", "-metadata",
           f"title={SECRET.decode()}", "-disposition:v", "attached_pic", folder / "a.mp3")  # fmt: skip
    return folder / "a.mp3"


def polyglot(folder: Path) -> Path:
    """A photo, and a page with a script."""
    return written(folder / "a.jpg", photos.saved("JPEG", comment=SECRET) + photos.SCRIPT + SECRET)


HARMLESS: dict[str, Callable[[Path], Path]] = {
    "a film's place": film_with_place,
    "subtitles, attachments, chapters": film_with_baggage,
    "a cover": song_with_cover,
    "a page in a photo": polyglot,
}
"""Originals that may be shown, without what they carry: SECRET."""
