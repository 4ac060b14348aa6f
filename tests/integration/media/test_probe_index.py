"""What the index of an MP4 tells is what reading every packet tells, also where most of the file is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from awkward_clips import CLIPS, turned
from clips import Clip, film, rewrapped
from ments.media.argv import CONTAINERS
from ments.media.boxes import Layout, walk_boxes
from ments.media.inside import probe
from ments.media.inside.mov_index import NoIndex

X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")
GROUPS = ("-g", "50", "-bf", "3")
LONG = film("long.mp4", *GROUPS, seconds=30, sound_s=30)
UNEVEN = ("-vf", "select='not(mod(n\\,3))*lt(n\\,300)+not(mod(n\\,10))*gte(n\\,300)'", "-fps_mode", "vfr")

FILMS: dict[str, Callable[[Path], Path]] = {
    "plain": LONG,
    "in-front": rewrapped("a.mp4", "-c", "copy", "-movflags", "+faststart", of=LONG),
    "quicktime": rewrapped("a.mov", "-c", "copy", "-timecode", "01:00:00:00", of=LONG, before=turned(90)),
    "itunes": rewrapped("a.m4v", "-c", "copy", "-f", "ipod", of=LONG),
    "edit-list": rewrapped("a.mp4", "-c", "copy", of=LONG, before=("-ss", "3.1")),
    "late": film("a.mp4", *GROUPS, seconds=30, sound_s=30, before=("-itsoffset", "0.7")),
    "late-sound": film("a.mp4", *GROUPS, seconds=30, sound_s=29, before_sound=("-itsoffset", "0.8")),
    "uneven": film("a.mp4", *UNEVEN, *GROUPS, seconds=30, sound_s=30),
    "hevc": film("a.mp4", *GROUPS, "-tag:v", "hvc1", "-pix_fmt", "yuv420p", seconds=30, sound_s=30, picture=X265),
    "silent": film("a.mp4", *GROUPS, seconds=30, sound_s=None),
    "short-sound": film("a.mp4", *GROUPS, seconds=30, sound_s=4),
    "long-sound": film("a.mp4", *GROUPS, seconds=20, sound_s=40),
    "one-group": film("a.mp4", "-g", "9999", "-sc_threshold", "0", seconds=30, sound_s=30),
    "open-groups": film("a.mp4", *GROUPS, "-x264opts", "open-gop=1", seconds=30, sound_s=30),
    "5-a-second": film("a.mp4", "-g", "9", rate="5", seconds=30, sound_s=30),
    "240-a-second": film("a.mov", "-g", "100", rate="240", seconds=12, sound_s=12),
}


def by_index(path: Path) -> dict[str, Any] | None:
    """The answer of the index; None when it declines."""
    with av.open(str(path)) as container:
        shown, tried = probe._choose_picture(container)
        try:
            return None if tried else probe._read_index(container, str(path), shown)
        except NoIndex:
            return None


def by_packets(path: Path) -> dict[str, Any]:
    with av.open(str(path)) as container:
        shown, _ = probe._choose_picture(container)
    with av.open(str(path)) as container:
        return probe._read(container, shown)


ANSWERED = {
    *("turned-90", "turned-180", "turned-270", "mirrored", "upside-down", "turned-and-mirrored", "portrait"),
    *("oblong-pixels", "tall-pixels", "a-strip", "10-bit", "4-2-2", "4-4-4", "gray", "full-range", "hdr-pq"),
    *("hdr-hlg", "hdr-half-named", "uneven", "two-rates", "one-a-second", "ntsc", "60-a-second", "120-a-second"),
    *("240-a-second", "a-third-of-a-second", "one-keyframe"),
    *("keyframes-only", "no-order", "edit-list", "late-picture", "silent", "phone-call", "two-sounds"),
    *("longer-sound", "shorter-sound", "late-sound", "timecode", "cover-in-film.mp4", "index-last.mp4"),
    *("index-first.mp4", "itunes.m4v", "hevc.mp4", "long-name", "option", "protocol", "path"),
}


@pytest.mark.parametrize("clip", CLIPS, ids=[clip.name for clip in CLIPS])
def test_awkward_files(tmp_path: Path, clip: Clip) -> None:
    path = clip.make(tmp_path)
    told = by_index(path)
    assert (told is not None) == (clip.name in ANSWERED)
    assert told in (None, by_packets(path))


@pytest.mark.parametrize("name", FILMS)
def test_films_with_holes(tmp_path: Path, name: str) -> None:
    path = FILMS[name](tmp_path)
    data = path.read_bytes()
    first = probe.main(str(path), CONTAINERS, 5.0, 20.0)
    extent = first.pop("extent")
    less, more = (sum(end - start for start, end in ranges) for ranges in extent["firsts"])
    assert 0 < less < more
    whole = probe.main(str(path), CONTAINERS)
    assert first == whole == by_packets(path)
    layout = _layout_of(data)
    holes = tmp_path / "holes.mp4"
    kept = [*layout.around, *extent["looked"]]
    holes.write_bytes(_only(data, kept))
    told = probe.main(str(holes), CONTAINERS, 5.0, 20.0)
    assert told.pop("extent") == extent
    assert told == whole
    # Where nothing is there that was to be looked at, it says so, and what to fetch.
    holes.write_bytes(_only(data, list(layout.around)))
    blind = probe.main(str(holes), CONTAINERS, 5.0, 20.0)
    assert blind.keys() == {"unknown", "extent"}
    assert blind["extent"] == extent


def test_a_file_that_is_cut_off_is_read(tmp_path: Path) -> None:
    path = FILMS["in-front"](tmp_path)
    path.write_bytes(path.read_bytes()[:-1000])
    assert by_index(path) is None
    assert probe.main(str(path), CONTAINERS, 20.0) == {"unknown": "the file stops before its packets"}
    assert probe.main(str(path), CONTAINERS)["length_s"] > 29


@pytest.mark.parametrize("table", [b"stss", b"ctts", b"stsz"])
def test_an_index_that_lacks_something(tmp_path: Path, table: bytes) -> None:
    """Without its keyframes each packet would be one; without the others nothing is known."""
    path = LONG(tmp_path)
    path.write_bytes(path.read_bytes().replace(table, b"free"))
    told = by_index(path)
    if table == b"ctts":
        assert told == by_packets(path)
    else:
        assert told is None


def _layout_of(data: bytes) -> Layout:
    walk = walk_boxes(len(data))
    try:
        wanted = next(walk)
        while True:
            wanted = walk.send(data[slice(*wanted)])
    except StopIteration as found:
        layout: Layout = found.value
        return layout


def _only(data: bytes, kept: list[tuple[int, int]]) -> bytes:
    some = bytearray(len(data))
    for start, end in kept:
        some[start:end] = data[start:end]
    return bytes(some)
