"""The shapes that frames keep."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ments.web.frames import Frame, photo_frame, video_frame

SIDE = st.integers(1, 20_000)


@given(SIDE, SIDE)
def test_a_photo_is_never_taller_than_4_to_5_nor_wider_than_2_to_1(width: int, height: int) -> None:
    frame = photo_frame(width, height)
    assert 4 / 5 <= frame.width / frame.height <= 2


@given(SIDE, SIDE)
def test_a_video_lies_or_stands(width: int, height: int) -> None:
    frame = video_frame(width, height)
    assert (frame.width, frame.height) == ((16, 9) if width >= height else (9, 16))
    assert frame.boxed == (height > width)


def test_unknown_sizes_get_the_usual_shape() -> None:
    assert photo_frame(None, None) == Frame(3, 2)
    assert video_frame(None, 0) == Frame(16, 9)
    assert not video_frame(1920, 1080).contain
    assert video_frame(640, 480).contain
