"""Numbers, times and names as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.web.words import ago, count, file_size, first_line, hue, initials, lasting, time_passed

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("passed", "says"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=23), "23 h"),
        (timedelta(hours=30), "yesterday"),
        (timedelta(days=6), "6 days"),
        (timedelta(days=20), "22 Feb"),
        (timedelta(days=400), "7 Feb 2025"),
    ],
)
def test_time_passed(passed: timedelta, says: str) -> None:
    assert time_passed(NOW - passed, NOW) == says


def test_ago_names_the_moment_for_programs_and_for_the_curious() -> None:
    assert ago(NOW, NOW + timedelta(hours=2)) == (
        '<time datetime="2026-03-14T12:00:00+00:00" title="14 Mar 2026, 12:00 UTC" data-ago>2 h</time>'
    )


@pytest.mark.parametrize(
    ("number", "says"),
    [(0, "0"), (1284, "1,284"), (9999, "9,999"), (12_449, "12.4k"), (999_949, "999.9k"), (999_999, "999.9k"), (1_000_000, "1M"), (3_100_000, "3.1M")],
)  # fmt: skip
def test_count(number: int, says: str) -> None:
    assert count(number) == says


@pytest.mark.parametrize(("seconds", "says"), [(0, "0:00"), (52, "0:52"), (151.2, "2:31"), (3727, "1:02:07")])
def test_lasting(seconds: float, says: str) -> None:
    assert lasting(seconds) == says


@pytest.mark.parametrize(
    ("size", "says"), [(640, "640 B"), (12_300, "12 KB"), (1_440_000, "1.4 MB"), (312_000_000, "312 MB"), (1_900_000_000, "1.9 GB")]
)  # fmt: skip
def test_file_size(size: int, says: str) -> None:
    assert file_size(size) == says


@pytest.mark.parametrize(
    ("name", "says"), [("Mara Oyelaran", "MO"), ("mara_o", "MO"), ("éva", "É"), ("", "?"), ("!!", "?")]
)
def test_initials(name: str, says: str) -> None:
    assert initials(name) == says


@given(st.text())
def test_every_name_has_a_colour_and_initials(name: str) -> None:
    assert 0 <= hue(name) < 8
    assert initials(name)


@given(st.text(), st.integers(10, 80))
def test_first_line_is_one_short_line(text: str, most: int) -> None:
    line = first_line(text, most)
    assert "\n" not in line
    assert len(line) <= most + 1
