"""ffmpeg's progress lines become fractions that never fall."""

from __future__ import annotations

from ments.media.ffmpeg import encode_limits, follow_progress


def test_fractions_rise() -> None:
    seen: list[float] = []
    read = follow_progress(4.0, seen.append)
    for line in (
        "frame=1",
        "out_time_us=N/A",
        "out_time_us=-23000",
        "out_time_us=1000000",
        "out_time_us=900000",
        "out_time_us=2000000",
        "progress=continue",
        "out_time_us=9000000",
        "garbage",
    ):
        read(line)
    assert seen == [0.25, 0.5, 1.0]


def test_a_source_without_length_shows_nothing() -> None:
    seen: list[float] = []
    follow_progress(0.0, seen.append)("out_time_us=1000000")
    assert seen == []


def test_the_end_is_told_whatever_the_last_time_was() -> None:
    seen: list[float] = []
    read = follow_progress(2.0, seen.append)
    for line in ("out_time_us=1000000", "progress=end\n"):
        read(line)
    assert seen == [0.5, 1.0]


def test_no_run_is_without_end() -> None:
    for length_s in (0.1, 60, 14_400):
        limits = encode_limits(length_s)
        assert limits.cpu_s <= limits.wall_s <= 6 * 3600
