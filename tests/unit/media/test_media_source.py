"""Pictures are kept only when each thing about them is right; what is encoded beside them never repeats them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.media.ladder import LADDER, SHORTEST_SIDE_PX, plan_ladder
from ments.media.model import AudioStream, Probe, Rendition, UnplayableMedia, VideoStream
from ments.media.source import (
    NEAR,
    PacketScan,
    choose_rungs,
    find_cap,
    find_reason_not_to_cut,
    find_reason_to_encode,
    may_copy_sound,
)

VIDEO = VideoStream(0, "h264", 1920, 1080, 0, 30.0, "yuv420p", "", 60.0, True)
PROBE = Probe("mov", 60.0, 60.0, VIDEO, AudioStream(1, "aac", 2, 60.0, True))
PACKETS = PacketScan(1920, 1080, "High", 40, 4_500_000, 8_000_000, 2.0, 0.04, False, True, "LC", 48_000)


def sized(width: int, height: int) -> tuple[Probe, PacketScan]:
    probe = replace(PROBE, video=replace(VIDEO, width=width, height=height))
    return probe, replace(PACKETS, width=width, height=height, bitrate=100_000, peak_bitrate=100_000)


def test_what_is_ready_for_the_web_is_kept() -> None:
    assert find_reason_to_encode(PROBE, PACKETS) is None
    assert choose_rungs(PROBE, PACKETS).copied == Rendition(1920, 1080, 5_000_000)
    assert [rung.height for rung in choose_rungs(PROBE, PACKETS).encoded] == [240, 480, 720]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"codec": "hevc"}, "the codec is hevc"),
        ({"pixel_format": "yuv420p10le"}, "pixels are yuv420p10le"),
        ({"pixel_format": "yuvj420p"}, "pixels are yuvj420p"),
        ({"rotation": 90}, "it is rotated by 90"),
        ({"transfer": "smpte2084"}, "it is HDR"),
        ({"rate": 120.0}, "it has 120 frames/s"),
        ({"width": 1440}, "pixels are oblong"),
    ],
)
def test_a_picture_that_is_not(changed: dict[str, object], reason: str) -> None:
    probe = replace(PROBE, video=replace(VIDEO, **changed))  # type: ignore[arg-type]  # one field at a time, by name
    assert find_reason_to_encode(probe, PACKETS) == reason
    assert choose_rungs(probe, PACKETS).copied is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"profile": "High 10"}, "the profile is High 10"),
        ({"level": 51}, "the level is 51"),
        ({"level": 0}, "the level is 0"),
        ({"is_interlaced": True}, "it is interlaced"),
        ({"bitrate": 5_000_001}, "it has 5000001 bit/s"),
        ({"peak_bitrate": 10_000_001}, "it has 10000001 bit/s at times"),
        ({"keyframe_gap_s": 4.1}, "keyframes are 4.1 s apart"),
        ({"begins_clean": False}, "it begins in the middle of a group"),
        ({"is_flipped": True}, "it is mirrored"),
        ({"changes": True}, "its pictures change in the middle"),
    ],
)
def test_packets_that_are_not(changed: dict[str, object], reason: str) -> None:
    packets = replace(PACKETS, **changed)  # type: ignore[arg-type]  # one field at a time, by name
    assert find_reason_to_encode(PROBE, packets) == reason


def test_containers_and_odd_sides() -> None:
    assert find_reason_to_encode(replace(PROBE, container="avi"), PACKETS) == "the container is avi"
    assert find_reason_to_encode(replace(PROBE, video=None), PACKETS) == "no picture"
    assert find_reason_to_encode(*sized(641, 360)) == "a side is odd"
    with pytest.raises(UnplayableMedia):
        choose_rungs(replace(PROBE, video=None), PACKETS)


@pytest.mark.parametrize(
    ("short_side", "cap"), [(100, 400_000), (240, 400_000), (241, 1_400_000), (480, 1_400_000), (768, 5_000_000),
                            (1080, 5_000_000), (2160, 5_000_000)],
)  # fmt: skip
def test_the_cap_is_that_of_the_rung_of_its_size(short_side: int, cap: int) -> None:
    assert find_cap(short_side) == cap


sides = st.integers(SHORTEST_SIDE_PX // 2, 1200).map(lambda half: 2 * half)


@given(sides, sides, st.booleans())
def test_every_source_gets_rungs_that_differ_and_are_not_larger(width: int, height: int, is_kept: bool) -> None:
    probe, packets = sized(width, height)
    chosen = choose_rungs(probe, packets if is_kept else replace(packets, level=51))
    assert (chosen.copied is not None) == is_kept
    together = [*chosen.encoded, *([chosen.copied] if chosen.copied else [])]
    assert together
    shorts = [min(rung.width, rung.height) for rung in together]
    assert shorts == sorted(set(shorts))
    assert all(rung.width <= width and rung.height <= height for rung in together)
    if is_kept:
        assert chosen.copied is not None
        assert (chosen.copied.width, chosen.copied.height) == (width, height)
        assert all(short <= min(width, height) * NEAR for short in shorts[:-1])
    else:
        assert chosen.encoded == plan_ladder(probe, LADDER)


@pytest.mark.parametrize(
    ("width", "height", "shorts"),
    [
        (1366, 768, [240, 480]),
        (1600, 900, [240, 480, 720]),
        (640, 480, [240]),
        (426, 240, []),
        (320, 180, []),
        (720, 1280, [240, 480]),
    ],
)
def test_what_is_encoded_beside_a_copy(width: int, height: int, shorts: list[int]) -> None:
    chosen = choose_rungs(*sized(width, height))
    assert chosen.copied is not None
    assert [min(rung.width, rung.height) for rung in chosen.encoded] == shorts


def test_which_sound_may_be_kept() -> None:
    assert may_copy_sound(PROBE, PACKETS)
    assert not may_copy_sound(replace(PROBE, audio=None), PACKETS)
    assert not may_copy_sound(replace(PROBE, container="avi"), PACKETS)
    for packets in (replace(PACKETS, sound_profile="HE-AAC"), replace(PACKETS, sound_rate=96_000)):
        assert not may_copy_sound(PROBE, packets)
    for audio in (AudioStream(1, "mp3", 2, 60.0, True), AudioStream(1, "aac", 6, 60.0, True),
                  AudioStream(1, "aac", 2, 50.0, True)):  # fmt: skip
        assert not may_copy_sound(replace(PROBE, audio=audio), PACKETS)


def test_a_film_with_long_gaps_is_not_cut() -> None:
    assert find_reason_not_to_cut(PACKETS) is None
    assert find_reason_not_to_cut(replace(PACKETS, picture_gap_s=16.0)) == "no picture for 16.0 s"
    assert find_reason_not_to_cut(replace(PACKETS, picture_gap_s=3.9)) == "no picture for 3.9 s"
