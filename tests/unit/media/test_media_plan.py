"""From a plan to its steps, and from what they made to the whole."""

from __future__ import annotations

import msgspec
import pytest

from ments.media.film import plan_film
from ments.media.model import AudioStream, MediaKind, Probe, Variant, VideoStream
from ments.media.plan import MadeFile, Piece, Plan, join_pieces

VIDEO = VideoStream(0, "h264", 1080, 1920, 90, 30.0, "yuv420p", "", 10.0, True)
AUDIO = AudioStream(1, "aac", 2, 10.0, True)
PROBE = Probe("mov", 10.0, 10.0, VIDEO, AUDIO)


def piece_of(kind: MediaKind, name: str, width: int, height: int) -> Piece:
    variant = Variant(f"{name}.x", kind, name, "a/b", width, height, 1000, 1)
    return Piece((MadeFile(variant.file, "a/b", 1000),), (variant,), duration_s=9.9)


@pytest.mark.parametrize(
    ("plan", "names"),
    [
        (Plan(MediaKind.VIDEO, PROBE, plan_film(PROBE)), ["first"]),
        (Plan(MediaKind.AUDIO, Probe("mp3", None, 10.0, None, AUDIO)), ["audio"]),
        (Plan(MediaKind.PHOTO, None), ["photo"]),
    ],
    ids=lambda value: value.kind if isinstance(value, Plan) else "",
)
def test_the_steps_share_the_whole_work(plan: Plan, names: list[str]) -> None:
    steps = plan.list_steps()
    assert [step.name for step in steps] == names
    assert sum(step.share for step in steps) == pytest.approx(1)


def test_a_plan_and_its_pieces_outlast_the_ledger() -> None:
    plan = Plan(MediaKind.VIDEO, PROBE, plan_film(PROBE))
    piece = piece_of(MediaKind.VIDEO, "720p", 720, 1280)
    for value in (plan, piece):
        kept = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(value)))
        assert msgspec.convert(kept, type(value)) == value


def test_the_largest_variant_gives_the_size() -> None:
    poster = Piece((MadeFile("poster.jpg", "image/jpeg", 5),), poster_file="poster.jpg", blurhash="L0")
    pieces = [piece_of(MediaKind.VIDEO, "240p", 240, 426), piece_of(MediaKind.VIDEO, "720p", 720, 1280), poster]
    outputs = join_pieces(Plan(MediaKind.VIDEO, PROBE), pieces)
    assert (outputs.width, outputs.height, outputs.duration_s) == (720, 1280, 9.9)
    assert (outputs.poster_file, outputs.blurhash) == ("poster.jpg", "L0")
    assert [variant.name for variant in outputs.variants] == ["240p", "720p"]


def test_the_largest_rung_of_a_film_gives_its_size_before_it_is_made() -> None:
    first = Piece((MadeFile("poster.jpg", "image/jpeg", 5),), poster_file="poster.jpg", blurhash="L0")
    outputs = join_pieces(Plan(MediaKind.VIDEO, PROBE, plan_film(PROBE)), [first])
    assert (outputs.width, outputs.height, outputs.duration_s, outputs.variants) == (1080, 1920, 10.0, ())


def test_sound_has_no_size() -> None:
    outputs = join_pieces(Plan(MediaKind.AUDIO, PROBE), [piece_of(MediaKind.AUDIO, "audio", 0, 0)])
    assert (outputs.width, outputs.height, outputs.poster_file) == (None, None, None)
