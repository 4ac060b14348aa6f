"""The ladder never upscales, keeps the shape, and its sides are even."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.media.ladder import LADDER, PROGRESSIVE, SHORTEST_SIDE_PX, plan_ladder
from ments.media.model import Probe, Rendition, UnplayableMedia, VideoStream


def source(width: int, height: int, length_s: float = 10.0) -> Probe:
    video = VideoStream(0, "h264", width, height, 0, 30.0, "yuv420p", "", length_s, True)
    return Probe("mov", length_s, length_s, video, None)


sides = st.integers(SHORTEST_SIDE_PX, 8192)


@given(sides, sides)
def test_every_source_gets_fitting_even_renditions(width: int, height: int) -> None:
    renditions = plan_ladder(source(width, height), LADDER)
    assert 1 <= len(renditions) <= len(LADDER)
    areas = [rendition.width * rendition.height for rendition in renditions]
    assert areas == sorted(set(areas))
    for rendition in renditions:
        assert rendition.width <= width
        assert rendition.height <= height
        assert rendition.width % 2 == rendition.height % 2 == 0
        assert (rendition.width <= rendition.height) == (width <= height) or rendition.width == rendition.height
        # The long side is off by less than two px of what the shape asks for.
        short, long = sorted((rendition.width, rendition.height))
        wanted = max(width, height) * short / min(width, height)
        if short in {rung.short_side for rung in LADDER}:
            assert wanted - 2 < long <= wanted + 1e-6


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1920, 1080, Rendition(1280, 720, 2_800_000)),
        (1080, 1920, Rendition(720, 1280, 2_800_000)),
        (3840, 1600, Rendition(1728, 720, 2_800_000)),
        (641, 361, Rendition(640, 360, 2_800_000)),
        (720, 720, Rendition(720, 720, 2_800_000)),
        (176, 144, Rendition(176, 144, 2_800_000)),
    ],
)
def test_the_short_side_rules(width: int, height: int, expected: Rendition) -> None:
    assert plan_ladder(source(width, height), PROGRESSIVE) == (expected,)


@pytest.mark.parametrize(
    ("probe", "code"),
    [
        (Probe("mov", 1.0, 1.0, None, None), "no_picture"),
        (source(640, 360, 0.0), "no_picture"),
        (source(640, 15), "too_small"),
    ],
)
def test_what_has_no_picture_is_refused(probe: Probe, code: str) -> None:
    with pytest.raises(UnplayableMedia) as refused:
        plan_ladder(probe, PROGRESSIVE)
    assert refused.value.problem_code == code
