"""From ffmpeg's lines to levels."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ments.media.waveform import PARTS, levels_of


def lines_of(loudness: list[str]) -> list[str]:
    return [
        line for text in loudness for line in ("frame:0 pts:0 pts_time:0", f"lavfi.astats.Overall.RMS_level={text}")
    ]


def test_the_loudest_part_is_100_and_silence_is_0() -> None:
    assert levels_of(lines_of(["-20.0", "-26.0", "-inf", "-60.0", "nan"])) == (100, 62, 0, 4, 0)
    assert levels_of(lines_of(["-inf", "-90.3"])) == (0, 0)
    assert levels_of([]) == ()
    assert levels_of(["lavfi.astats.Overall.RMS_level=???", "what else"]) == (0,)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=300))
def test_levels_stay_within_bounds(loudness: list[float]) -> None:
    levels = levels_of(lines_of([f"{value:f}" for value in loudness]))
    assert len(levels) == min(PARTS, len(loudness))
    assert all(0 <= level <= 100 for level in levels)


@given(st.binary(max_size=200))
def test_whatever_is_printed_makes_no_trouble(data: bytes) -> None:
    levels_of(data.decode(errors="replace").splitlines())
