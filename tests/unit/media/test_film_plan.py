"""How the work on a film is cut into pieces, and how far it is said to be."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ments.media.film import REACHES_S, plan_film
from ments.media.inside.packet_scan import Scan
from ments.media.model import AudioStream, Probe, VideoStream
from ments.media.progress import estimate_rest, list_renditions
from ments.media.source import PacketScan
from ments.media.tracks import StoredPart, WantedPart

VIDEO = VideoStream(0, "h264", 1920, 1080, 0, 30.0, "yuv420p", "", 10.0, True)
AUDIO = AudioStream(1, "aac", 2, 10.0, True)
GOOD = PacketScan(1920, 1080, "High", 40, 4_000_000, 6_000_000, 2.0, 0.04, False, True, "LC", 48_000)


def film(length_s: float) -> Probe:
    return Probe("mov", length_s, length_s, replace(VIDEO, length_s=length_s), replace(AUDIO, length_s=length_s))


@given(
    st.floats(0.1, 4 * 3600),
    st.sampled_from([8, 32, 64]),
    st.booleans(),
    st.lists(st.floats(0, 16), max_size=9).map(lambda keys: tuple(sorted(keys))),
)
def test_every_moment_of_every_size_is_made_once(
    length_s: float, chunk_s: int, kept: bool, keys: tuple[float, ...]
) -> None:
    works = plan_film(film(length_s), replace(GOOD, early_keys=keys) if kept else None, chunk_s=chunk_s)
    assert len({work.name for work in works}) == len(works)
    assert works[0].is_first
    assert sum(work.share for work in works) == pytest.approx(1)
    assert works[0].share == 0
    names = {name for work in works for name in work.track_names}
    assert names == {"v240", "v480", "v720", "v1080", "a128"}
    for name in names:
        spans = sorted((work.span for work in works if name in work.track_names), key=lambda span: span.start_s)
        assert spans[0].start_s == 0
        assert [span.end_s for span in spans[:-1]] == [span.start_s for span in spans[1:]]
        assert spans[-1].end_s == length_s
        assert [span.is_last for span in spans] == [False] * (len(spans) - 1) + [True]
        assert len({work.mark(1) for work in works if name in work.track_names}) == len(spans)


def test_what_plays_first_is_short_or_costs_nothing() -> None:
    assert [work.span.end_s for work in plan_film(film(3600.0))[:5]] == [4.0, 12.0, 28.0, 64.0, 128.0]
    assert [work.span.end_s for work in plan_film(film(15.9))[:2]] == [4.0, 15.9]
    assert [work.span.end_s for work in plan_film(film(7.9)) if work.is_first] == [7.9]
    first = plan_film(film(3600.0), GOOD)[0]
    assert (first.name, first.copies, first.copies_sound, first.span.end_s) == ("copy-000", True, True, 3600.0)
    assert first.stop_s is None
    assert plan_film(film(3600.0))[0].stop_s == 4.32


@pytest.mark.parametrize(
    ("length_s", "keys", "ends"),
    [
        (3600.0, (0.0, 4.0, 8.0, 12.0, 16.0), (8.0, 3600.0)),
        (3600.0, (0.0, 3.9, 7.8, 11.7), (11.7, 3600.0)),
        (24.5, (0.0, 2.002, 4.004, 8.008), (8.008, 24.5)),
        (24.0, (0.0, 8.0), (24.0,)),
        (3600.0, (0.0, 12.1), (3600.0,)),
        (3600.0, (), (3600.0,)),
    ],
    ids=["at-8-s", "later", "short", "too-short", "too-late", "none"],
)
def test_a_long_film_that_is_kept_has_a_short_beginning(
    length_s: float, keys: tuple[float, ...], ends: tuple[float, ...]
) -> None:
    works = plan_film(film(length_s), replace(GOOD, early_keys=keys))
    kept = [work for work in works if work.copies]
    assert [work.name for work in kept] == [f"copy-{index:03d}" for index in range(len(ends))]
    assert tuple(work.span.end_s for work in kept) == ends
    assert all(work.is_first and work.copies_sound for work in kept)
    assert kept[-1].stop_s is None
    if len(kept) == 2:
        assert kept[0].stop_s is not None
        assert ends[0] + 4 < kept[0].stop_s < REACHES_S[-1]
        assert kept[1].share < 0.05


def test_a_film_without_pictures_for_long_is_not_cut() -> None:
    works = plan_film(film(3600.0), replace(GOOD, picture_gap_s=60.0, profile="High 10"))
    assert [(work.name, work.span.end_s) for work in works] == [("first-000", 3600.0), ("ladder-000", 3600.0)]


def steady(start_s: float, end_s: float) -> list[float]:
    return [start_s + n / 25 for n in range(round((end_s - start_s) * 25))]


@given(st.floats(0.1, 200), st.lists(st.floats(0, 200), min_size=1))
@example(10.0, steady(0, 3))
@example(16.0, steady(0, 8.04))
@example(30.0, steady(0, 12))
@example(8.0, steady(4, 8))
@example(20.0, steady(7.9, 20))
def test_no_piece_of_an_encoded_film_is_without_a_picture(sound_s: float, times: list[float]) -> None:
    end_s = max(times) + 0.04
    length_s = max(sound_s, end_s)
    scan = Scan()
    for time in times:
        scan.take(time, 1000, is_key=True, is_discard=False)
    told = scan.tell(SimpleNamespace(codec_context=None), None, end_s, (0.0, length_s))
    packets = replace(GOOD, picture_gap_s=told["picture_gap_s"], profile="High 10")
    for work in plan_film(film(length_s), packets, chunk_s=8):
        assert any(work.span.start_s <= time and (work.span.is_last or time < work.span.end_s) for time in times)


def test_sound_that_is_longer_by_less_than_a_border_leaves_a_film_cut() -> None:
    scan = Scan()
    scan.take_all(steady(0, 30), [1000] * 750, [True] * 750, [False] * 750)
    told = scan.tell(SimpleNamespace(codec_context=None), None, 30.0, (-0.5, 32.5))
    assert told["picture_gap_s"] == pytest.approx(2.54)
    works = plan_film(film(33.0), replace(GOOD, picture_gap_s=told["picture_gap_s"], profile="High 10"))
    assert works[0].span.end_s == 4.0


def test_progress_and_rest() -> None:
    stored = StoredPart("s1", ())
    parts = [
        WantedPart("first-000", 0, ("v240", "a128"), 0.0, stored),
        WantedPart("first-001", 16, ("v240", "a128"), 0.2, stored),
        WantedPart("ladder-000", 0, ("v480", "v720"), 0.4),
        WantedPart("ladder-001", 64, ("v480", "v720"), 0.4, error="lost"),
    ]
    told = {"ladder-000": 0.2, "first-001": 0.1}
    shown = [(one.name, one.progress) for one in list_renditions(parts, told)]
    assert shown == [("240p", 1.0), ("480p", 0.75), ("720p", 0.75)]
    assert estimate_rest(parts, told, 8.0) == 2.0
    assert estimate_rest([replace(part, stored=None, error=None) for part in parts], {}, 8.0) is None
