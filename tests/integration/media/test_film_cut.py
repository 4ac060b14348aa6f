"""A film that is kept is stored in two parts: byte for byte what one part would have been."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import pytest

from clips import X264, card, ffmpeg, film, rewrapped
from ments.media.chunks import Span
from ments.media.film import PieceWork
from ments.media.film_run import make_film_piece
from ments.media.model import Probe, UnplayableMedia
from ments.media.plan import Piece
from ments.media.render import Workshop, plan_original
from ments.media.sandbox import Sandbox
from originals import FFMPEG
from stored_hls import read_packets

WORKSHOP = Workshop(Sandbox("/usr/bin/bwrap"), FFMPEG, lambda fraction: None)
SECONDS = 26
PLAIN = film("plain.mp4", "-g", "50", "-bf", "3", seconds=SECONDS, sound_s=SECONDS)
UNEVEN = ("-vf", "select='not(mod(n\\,3))*lt(n\\,300)+not(mod(n\\,7))*gte(n\\,300)'", "-fps_mode", "vfr")


def _two_rates(folder: Path) -> Path:
    """7 s of 10 pictures a second, then of 50: with pictures that are shown in another order than they are decoded."""
    joined = "[0:v]settb=1/1000[a];[1:v]settb=1/1000[b];[a][b]concat=n=2:v=1"
    inputs = (*card(rate="10", seconds=7), *card(rate="50", seconds=19))
    ffmpeg(
        *inputs,
        "-filter_complex",
        joined,
        "-fps_mode",
        "vfr",
        *X264,
        "-level",
        "31",
        "-bf",
        "3",
        "-g",
        "30",
        folder / "rates.mov",
    )
    return folder / "rates.mov"


FILMS: dict[str, tuple[Callable[[Path], Path], bool]] = {
    "plain": (PLAIN, True),
    "ntsc": (film("a.mp4", "-g", "60", "-bf", "2", rate="30000/1001", seconds=SECONDS, sound_s=SECONDS), True),
    "matroska": (rewrapped("a.mkv", "-c", "copy", of=PLAIN), True),
    "transport-stream": (rewrapped("a.ts", "-c", "copy", of=PLAIN), True),
    "open-groups": (film("a.ts", "-g", "40", "-x264opts", "open-gop=1", seconds=SECONDS, sound_s=SECONDS), True),
    "keyframes-3-s": (film("a.mp4", "-g", "75", "-sc_threshold", "0", seconds=SECONDS, sound_s=SECONDS), True),
    "uneven": (film("a.mp4", *UNEVEN, "-g", "10", seconds=SECONDS, sound_s=SECONDS), True),
    "two-rates": (_two_rates, False),
    "silent": (film("a.mp4", "-g", "50", seconds=SECONDS, sound_s=None), False),
    "short-sound": (film("a.mp4", "-g", "50", seconds=SECONDS, sound_s=11), False),
    "late-sound": (film("a.mp4", "-g", "50", seconds=SECONDS, sound_s=25, before_sound=("-itsoffset", "1")), False),
    "surround": (film("a.mp4", "-g", "50", "-ac", "6", seconds=SECONDS, sound_s=SECONDS, sound=("-c:a", "ac3")), False),
}


@pytest.mark.parametrize("name", FILMS)
async def test_two_parts_are_as_one(tmp_path: Path, name: str) -> None:
    make, copies_sound = FILMS[name]
    source = make(tmp_path)
    for part in ("plan", "one", "two", "whole"):
        (tmp_path / part).mkdir()
    plan = await plan_original(WORKSHOP, source, tmp_path / "plan")
    assert plan.probe is not None
    beginning, rest = (work for work in plan.works if work.copies)
    assert beginning.copies_sound == rest.copies_sound == copies_sound
    assert 8 <= beginning.span.end_s == rest.span.start_s <= 12
    alone = replace(beginning, span=Span(0, 0, plan.probe.length_s, True))
    one, two, whole = [
        (tmp_path / folder, await _make(plan.probe, work, source, tmp_path / folder))
        for folder, work in (("one", beginning), ("two", rest), ("whole", alone))
    ]
    for number, track in enumerate(whole[1].tracks):
        parts = [(folder, made.tracks[number]) for folder, made in (one, two)]
        assert all(part.init_file and part.segments for _, part in parts)
        assert track.init_file is not None
        init = (whole[0] / track.init_file).read_bytes()
        assert [(folder / str(part.init_file)).read_bytes() for folder, part in parts] == [init, init]
        segments = [(folder / segment.file, segment) for folder, part in parts for segment in part.segments]
        assert [segment.length_s for _, segment in segments] == [segment.length_s for segment in track.segments]
        stored = [path.read_bytes() for path, _ in segments]
        assert stored == [(whole[0] / segment.file).read_bytes() for segment in track.segments]
        assert [len(data) for data in stored] == [segment.bytes for _, segment in segments]
        assert len({segment.file for _, segment in segments}) == len(segments)
        packets = read_packets(init + b"".join(stored))
        assert all(left < right for left, right in pairwise(packets.dts))
        if not track.is_sound:
            _check_pictures(source, init + b"".join(stored))


async def _make(probe: Probe, work: PieceWork, source: Path, folder: Path) -> Piece:
    return await make_film_piece(WORKSHOP, probe, work, source, folder, lease=1)


def _check_pictures(source: Path, stored: bytes) -> None:
    """All pictures of the original, at the same distances."""
    with av.open(str(source)) as before, av.open(io.BytesIO(stored)) as after:
        shown = [[float(frame.time or 0) for frame in container.decode(video=0)] for container in (before, after)]
    assert len(shown[0]) == len(shown[1])
    assert [time - shown[1][0] for time in shown[1]] == pytest.approx(
        [time - shown[0][0] for time in shown[0]], abs=2e-3
    )


async def test_an_index_that_lies_later_on_is_found_out(tmp_path: Path) -> None:
    source = film("a.mp4", "-force_key_frames", "0,2,4,6,8,10", "-g", "9999", seconds=SECONDS, sound_s=SECONDS)(
        tmp_path
    )
    source.write_bytes(_with_keyframes(source.read_bytes(), range(1, 25 * SECONDS, 50)))
    (looked := tmp_path / "looked").mkdir()
    plan = await plan_original(WORKSHOP, source, looked)
    assert [work.name for work in plan.works[:2]] == ["copy-000", "copy-001"]
    assert plan.probe is not None
    (out := tmp_path / "out").mkdir()
    with pytest.raises(UnplayableMedia, match="index"):
        await make_film_piece(WORKSHOP, plan.probe, plan.works[1], source, out, lease=1)


def _with_keyframes(data: bytes, numbers: Iterable[int]) -> bytes:
    """The same MP4, whose index, at the file's end, names these pictures as keyframes (from 1 on)."""
    made, at = b"", 0
    while at < len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + length]
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            body = _with_keyframes(body, numbers)
        elif kind == b"stss":
            body = bytes(4) + b"".join(number.to_bytes(4, "big") for number in (len(list(numbers)), *numbers))
        made += (len(body) + 8).to_bytes(4, "big") + kind + body
        at += length
    return made
