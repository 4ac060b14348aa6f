"""The cut of a long film: nothing is left out, nothing is done twice, no chunk is tiny."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.media.chunks import BORDER_S, CHUNK_S, CHUNKS_MAX, KEYFRAME_S, REST_MIN_S, WHOLE_MAX_S, Span, cut_film

lengths = st.floats(0.001, 200_000, allow_nan=False)


@given(lengths, st.integers(1, 400), st.sampled_from([8, 16, 56, 64, 120]))
def test_spans_cover_the_film_once(length_s: float, chunks_max: int, chunk_s: int) -> None:
    spans = cut_film(length_s, chunk_s=chunk_s, chunks_max=chunks_max)
    assert 1 <= len(spans) <= chunks_max
    assert [span.index for span in spans] == list(range(len(spans)))
    assert (spans[0].start_s, spans[-1].end_s) == (0, length_s)
    assert [span.is_last for span in spans] == [False] * (len(spans) - 1) + [True]
    for left, right in pairwise(spans):
        assert left.end_s == right.start_s
        assert right.start_s % BORDER_S == 0
        assert left.length_s == spans[0].length_s
    if len(spans) > 1:
        assert length_s > WHOLE_MAX_S
        assert spans[-1].length_s >= min(REST_MIN_S, BORDER_S)
    if math.ceil(length_s / chunk_s) <= chunks_max and length_s > WHOLE_MAX_S:
        assert all(span.length_s < chunk_s + REST_MIN_S for span in spans)


@given(lengths.filter(lambda length: length > WHOLE_MAX_S))
def test_chunks_have_about_a_minute(length_s: float) -> None:
    spans = cut_film(length_s)
    if len(spans) < CHUNKS_MAX:
        assert all(span.length_s >= 40 for span in spans[:-1])
        assert spans[-1].length_s >= REST_MIN_S


@given(st.floats(0.001, 3000, allow_nan=False))
def test_keyframes_are_one_grid_over_the_whole_film(length_s: float) -> None:
    together = [time for span in cut_film(length_s) for time in span.keyframes]
    assert together == list(range(0, max(1, math.ceil(length_s)), KEYFRAME_S))


@pytest.mark.parametrize(
    ("length_s", "expected"),
    [
        (0.04, [0]),
        (120.0, [0]),
        (120.1, [0, 64]),
        (130.0, [0, 48, 96]),
        (136.0, [0, 48, 96]),
        (200.0, [0, 56, 112, 168]),
        (3600.0, [64 * n for n in range(57)]),
    ],
)
def test_cuts(length_s: float, expected: list[int]) -> None:
    assert [span.start_s for span in cut_film(length_s)] == expected


def test_a_short_rest_goes_to_the_chunk_before() -> None:
    assert cut_film(CHUNK_S * 10 + 9.9, chunks_max=11)[-1].length_s >= REST_MIN_S
    assert cut_film(64 * 100 + 4.0)[-1] == Span(99, 64 * 99, 6404.0, True)


def test_a_film_of_any_length_gets_no_more_than_the_bound() -> None:
    assert len(cut_film(4 * 3600)) == 225
    assert len(cut_film(100_000)) <= CHUNKS_MAX
    assert len(cut_film(100_000, chunks_max=1)) == 1


@pytest.mark.parametrize("length_s", [0.0, -1.0, math.inf, math.nan])
def test_no_length_no_cut(length_s: float) -> None:
    with pytest.raises(ValueError, match="can't be cut"):
        cut_film(length_s)


@pytest.mark.parametrize(("chunk_s", "chunks_max"), [(60, 10), (0, 10), (64, 0)])
def test_chunks_off_the_grid_are_refused(chunk_s: int, chunks_max: int) -> None:
    with pytest.raises(ValueError, match="not possible"):
        cut_film(500, chunk_s=chunk_s, chunks_max=chunks_max)
