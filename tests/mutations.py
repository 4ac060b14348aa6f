"""Valid originals with something wrong in them, the same for the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import photos
from clips import film

_ATOMS = (b"moov", b"mvhd", b"trak", b"tkhd", b"elst", b"mdhd", b"stsd", b"avcC", b"stts", b"ctts", b"stsc", b"stsz",
          b"stco", b"moof", b"traf", b"trun", b"mdat", b"esds", b"iloc", b"ispe", b"VP8X", b"ANMF", b"movi", b"idx1",
          b"strh", b"avih", b"IHDR", b"IDAT", b"acTL")  # fmt: skip
_NUMBERS = (0, 1, 7, 8, 255, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1)

_FILMS: tuple[Callable[[Path], Path], ...] = (
    film("a.mp4", "-movflags", "+faststart"),
    film("b.mp4", "-movflags", "+frag_keyframe+empty_moov"),
    film("c.mov", "-pix_fmt", "yuv444p"),
    film("d.mp4", "-tag:v", "hvc1", picture=("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")),
    film("e.mkv"),
    film("f.webm", picture=("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"), sound=("-c:a", "libopus")),
    film("g.avi", picture=("-c:v", "mpeg4"), sound=("-c:a", "libmp3lame")),
    film("h.flv"),
    film("i.wmv", picture=("-c:v", "wmv2"), sound=("-c:a", "wmav2")),
    film("j.ts"),
    film("k.mpg", picture=("-c:v", "mpeg2video"), sound=("-c:a", "mp2")),
    film("l.gif", sound_s=None, picture=()),
    film("m.mp3", "-map", "1:a", sound=("-c:a", "libmp3lame")),
    film("n.ogg", "-map", "1:a", sound=("-c:a", "libvorbis")),
)  # fmt: skip


def make_whole(folder: Path) -> list[Path]:
    """Valid originals of every kind, a few KB each."""
    kinds = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF")
    for kind in kinds:
        (folder / f"{kind}.photo").write_bytes(photos.saved(kind))
    return [*(make(folder) for make in _FILMS), *(folder / f"{kind}.photo" for kind in kinds)]


def spoil(whole: bytes, other: bytes, chance: Random) -> tuple[bytes, str]:
    """Do one to three things to a file; returns what came of it, and what was done. `other` is another valid file."""
    data, done = bytearray(whole), []
    for _ in range(chance.randint(1, 3)):
        change = chance.choice(_CHANGES)
        done.append(change.__name__.removeprefix("_"))
        change(data, other, chance)
    return bytes(data), "+".join(done)


def _flip(data: bytearray, other: bytes, chance: Random) -> None:
    # Half of all in the head, where the sizes and counts stand.
    reach = min(len(data), 4096) if chance.random() < 0.5 else len(data)
    for _ in range(chance.randint(1, 64)):
        if reach > 16:
            data[chance.randrange(12, reach)] = chance.randrange(256)


def _cut(data: bytearray, other: bytes, chance: Random) -> None:
    del data[chance.randint(1, max(1, len(data))) :]


def _double(data: bytearray, other: bytes, chance: Random) -> None:
    start, end = _range(data, chance)
    data[end:end] = data[start:end] * chance.choice((1, 1, 50))


def _remove(data: bytearray, other: bytes, chance: Random) -> None:
    start, end = _range(data, chance)
    del data[start:end]


def _blank(data: bytearray, other: bytes, chance: Random) -> None:
    start, end = _range(data, chance)
    data[start:end] = bytes([chance.choice((0, 255))]) * (end - start)


def _splice(data: bytearray, other: bytes, chance: Random) -> None:
    start, _ = _range(data, chance)
    data[start:] = other[chance.randrange(len(other)) :]


def _resize(data: bytearray, other: bytes, chance: Random) -> None:
    """Another size for an atom, or another number behind its name."""
    found = [at for name in _ATOMS if (at := data.find(name)) >= 4]
    if found:
        at = chance.choice(found) + chance.choice((-4, -4, 4, 8, 12, 16, 20))
        order: str = chance.choice(("big", "little"))
        data[at : at + 4] = chance.choice(_NUMBERS).to_bytes(4, "big" if order == "big" else "little")


def _number(data: bytearray, other: bytes, chance: Random) -> None:
    if len(data) > 16:
        at = chance.randrange(8, min(len(data) - 4, 2048))
        data[at : at + 4] = chance.choice(_NUMBERS).to_bytes(4, "big")


def _range(data: bytearray, chance: Random) -> tuple[int, int]:
    start = chance.randrange(max(1, len(data)))
    return start, min(len(data), start + chance.choice((1, 16, 188, 1000, 8000)))


_CHANGES = (_flip, _flip, _cut, _double, _remove, _blank, _splice, _resize, _resize, _number)
