"""Tiles cover the film, lie on the sheet, and are not many."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.media.chunks import KEYFRAME_S
from ments.media.storyboard import TILE_SIDE_PX, TILES_MAX, format_vtt_time, plan_storyboard, write_storyboard_vtt

lengths = st.floats(0.001, 50_000, allow_nan=False)
sides = st.integers(16, 8192)


@given(lengths, sides, sides)
def test_tiles_cover_the_film_and_lie_on_their_sheets(length_s: float, width: int, height: int) -> None:
    board = plan_storyboard(length_s, width, height)
    assert 1 <= board.count <= TILES_MAX
    assert board.interval_s % KEYFRAME_S == 0
    assert (board.count - 1) * board.interval_s < length_s <= board.count * board.interval_s
    assert board.sheets == len(board.files) == len(set(board.files))
    assert (board.sheets - 1) * board.columns * board.rows < board.count <= board.sheets * board.columns * board.rows
    places = {board.place(tile) for tile in range(board.count)}
    assert len(places) == board.count
    for _, left, top in places:
        assert 0 <= left <= board.width - board.tile_width
        assert 0 <= top <= board.height - board.tile_height
    for side in (board.tile_width, board.tile_height):
        assert side % 2 == 0
        assert 2 <= side <= TILE_SIDE_PX
    # No more than a pixel of an even side away from the film's shape.
    scale = min(1.0, TILE_SIDE_PX / max(width, height))
    assert abs(board.tile_width - width * scale) <= max(1, 2 - width * scale)
    assert abs(board.tile_height - height * scale) <= max(1, 2 - height * scale)


@given(lengths)
def test_cues_follow_one_another_to_the_end(length_s: float) -> None:
    text = write_storyboard_vtt(plan_storyboard(length_s, 1920, 1080))
    times = re.findall(r"^(\S+) --> (\S+)\n\S+#xywh=\d+,\d+,160,90$", text, re.MULTILINE)
    assert times[0][0] == "00:00:00.000"
    assert all(left[1] == right[0] for left, right in pairwise(times))
    assert times[-1][1] >= times[-1][0]


def test_the_text_word_by_word() -> None:
    board = plan_storyboard(13.5, 1280, 720)
    assert (board.interval_s, board.count, board.columns, board.rows) == (2, 7, 5, 2)
    assert (board.width, board.height) == (800, 180)
    assert write_storyboard_vtt(plan_storyboard(5.25, 720, 1280)) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:02.000\nstoryboard-000.jpg#xywh=0,0,90,160\n\n"
        "00:00:02.000 --> 00:00:04.000\nstoryboard-000.jpg#xywh=90,0,90,160\n\n"
        "00:00:04.000 --> 00:00:05.250\nstoryboard-000.jpg#xywh=180,0,90,160\n"
    )


@pytest.mark.parametrize(
    ("length_s", "interval_s", "sheets"), [(1, 2, 1), (50, 2, 1), (52, 2, 2), (400, 2, 8), (401, 4, 5), (14_400, 72, 8)]
)
def test_long_films_get_tiles_further_apart(length_s: float, interval_s: int, sheets: int) -> None:
    board = plan_storyboard(length_s, 1920, 1080)
    assert (board.interval_s, board.sheets) == (interval_s, sheets)


def test_times() -> None:
    assert [format_vtt_time(seconds) for seconds in (0, 59.9996, 3599.9, 360_000)] == [
        "00:00:00.000",
        "00:01:00.000",
        "00:59:59.900",
        "100:00:00.000",
    ]


@pytest.mark.parametrize(("length_s", "width"), [(0.0, 100), (float("inf"), 100), (5.0, 0)])
def test_nothing_to_show(length_s: float, width: int) -> None:
    with pytest.raises(ValueError, match="no storyboard"):
        plan_storyboard(length_s, width, 100)
