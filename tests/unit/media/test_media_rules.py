"""What may be sent, what a name becomes, who may see, what is too much."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.errors import Permanent
from ments.media import rules
from ments.media.model import (
    Audience,
    AudioStream,
    Media,
    MediaStatus,
    Probe,
    UnplayableMedia,
    UploadRefused,
    VideoStream,
)
from ments.media.tasks import transcode

# Written out: a parameter is part of a test's name, which all test processes must agree on.
SOMEBODYS = "3f1c9a52-7a0e-4d3a-9a63-2f6f0f3f9d11"
VIDEO_MAX, IMAGE_MAX, PART = 2 * 1024**3, 50_000_000, 16 * 1024**2


def plan(filename: str, content_type: str, size: int = 1000) -> rules.UploadPlan:
    return rules.plan_upload(
        filename, content_type, size, video_max_bytes=VIDEO_MAX, image_max_bytes=IMAGE_MAX, part_bytes=PART
    )


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("IMG_1.MOV", "video/quicktime"),
        ("a.mp4", ""),
        ("a.heic", ""),
        ("a.heic", "image/heic"),
        ("noname", ""),
        ("a.mkv", "application/octet-stream"),
        ("memo.m4a", "audio/x-m4a"),
        ("a.webm", "video/webm;codecs=vp9,opus"),
    ],
)
def test_media_may_be_sent(filename: str, content_type: str) -> None:
    assert plan(filename, content_type).part_size is None


def test_a_type_without_end_is_no_type() -> None:
    """It is kept with the upload: a megabyte of it each time would fill the database."""
    assert plan("a.mp4", "video/" + "x" * 1_000_000).content_type == ""
    with pytest.raises(UploadRefused):
        plan("a.exe", "video/" + "x" * 1_000_000)


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("a.html", "text/html"),
        ("a.svg", "image/svg+xml"),
        ("a.mp4", "application/x-msdownload"),
        ("a.mp4", "text/plain"),
        ("a.svg", ""),
        ("a.html", "application/octet-stream"),
        ("a.m3u8", ""),
    ],
)
def test_other_things_may_not(filename: str, content_type: str) -> None:
    with pytest.raises(UploadRefused) as refused:
        plan(filename, content_type)
    assert (refused.value.problem_code, refused.value.problem_status) == ("unsupported_type", 415)


@pytest.mark.parametrize(
    ("filename", "content_type", "size", "words"),
    [
        ("a.jpg", "image/jpeg", IMAGE_MAX + 1, "A photo may have up to 50 MB"),
        ("a.heic", "", IMAGE_MAX + 1, "A photo may have up to 50 MB"),
        ("a.mp4", "video/mp4", VIDEO_MAX + 1, "A video may have up to 2 GiB"),
        ("a.mp3", "audio/mpeg", VIDEO_MAX + 1, "A sound file may have up to 2 GiB"),
    ],
)
def test_too_much_names_its_limit(filename: str, content_type: str, size: int, words: str) -> None:
    with pytest.raises(UploadRefused, match=words) as refused:
        plan(filename, content_type, size)
    assert refused.value.problem_status == 413
    assert plan(filename, content_type, size - 1).size == size - 1


@given(st.integers(1, VIDEO_MAX))
def test_large_files_go_in_parts(size: int) -> None:
    part_size = plan("a.mp4", "video/mp4", size).part_size
    assert (part_size is None) == (size <= 64 * 1024**2)
    if part_size:
        assert part_size >= 5 * 1024**2
        assert -(-size // part_size) <= 10_000


@given(st.text(max_size=400))
def test_a_name_is_only_shown(filename: str) -> None:
    name = rules.clean_filename(filename)
    assert 1 <= len(name) <= rules.FILENAME_MAX
    assert "/" not in name
    assert "\\" not in name
    assert not any(unicodedata.category(char)[0] == "C" for char in name)
    assert rules.clean_filename(name) == name


def test_names() -> None:
    assert rules.clean_filename("../../etc/passwd") == "passwd"
    assert rules.clean_filename("C:\\Users\\x\\clip.mov") == "clip.mov"
    assert rules.clean_filename("a\u202egnp.exe\x00") == "agnp.exe"
    assert rules.clean_filename("x" * 300 + ".mov") == "x" * 196 + ".mov"
    assert rules.clean_filename("///") == "file"


def test_keys_of_originals() -> None:
    media_id = uuid4()
    assert rules.media_id_of_key(f"media/{media_id}/original") == media_id
    for key in (
        f"posts/{media_id}/original.mp4",
        f"media/{media_id}/p1/720p.mp4",
        f"media/{media_id}/original/",
        f"media/{media_id}/original\n",
        f"x/media/{media_id}/original",
        "media/------------------------------------/original",
        "",
    ):
        assert rules.media_id_of_key(key) is None


@pytest.mark.parametrize(
    "key",
    [
        "posts/123/original.mp4",
        "a",
        "clips/Ünïcode 100%.mov",
        "x" * 1024,
        "mediator/1",
        "a/..b",
        "a\u00a0b",
        "%2e%2e/a",
    ],
)
def test_a_producer_outside_may_name_any_plain_path(key: str) -> None:
    rules.check_outside_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "x" * 1025,
        "é" * 513,
        "..",
        "posts/../media/x/original",
        "posts/./1",
        "/posts/1",
        "posts//1",
        "posts/1/",
        "a\0b",
        "a\nb",
        "a\x7fb",
        "a\ud800b",
        f"media/{SOMEBODYS}/original/",
        f"media/{SOMEBODYS}/s1/720p.mp4",
        f"Media/{SOMEBODYS}/original",
        "system/ready",
    ],
    ids=ascii,
)
def test_no_producer_outside_reaches_what_is_ours_or_no_path(key: str) -> None:
    with pytest.raises(Permanent) as refused:
        rules.check_outside_key(key)
    assert refused.value.problem_code == "unknown_key"


def test_the_post_that_a_producer_names() -> None:
    post_id = uuid4()
    assert rules.post_id_of({"postId": str(post_id)}) == post_id
    for opts in ({}, {"postId": "123"}, {"postId": 123}, {"postId": None}, {"postId": [str(post_id)]}):
        assert rules.post_id_of(opts) is None


def test_a_payload_of_an_older_version_or_of_the_guide_still_fits() -> None:
    for payload in ({"key": "posts/123/original.mp4"}, {"key": "a", "opts": {"postId": "123"}, "more": 1}):
        event = transcode.decode(payload)
        assert (event.key, event.account_id) == (payload["key"], None)
    owner = uuid4()
    assert transcode.account_of is not None
    assert transcode.account_of(transcode.decode({"key": "a", "account_id": str(owner)})) == owner


def test_numbers_of_generations() -> None:
    assert [rules.number_of_generation(folder) for folder in ("s1", "p12", "original", "s", "x1", "s1x", "")] == [
        *(1, 12, None, None, None, None, None)
    ]


def media(owner: UUID, status: MediaStatus = MediaStatus.READY) -> Media:
    now = datetime.now(UTC)
    private = Audience.PRIVATE
    return Media(
        uuid4(),
        owner,
        status,
        None,
        "a",
        1,
        None,
        None,
        private,
        1,
        None,
        None,
        None,
        "s1",
        1,
        1,
        1,
        1,
        None,
        None,
        (),
        now,
        now,
        None,
    )


def test_who_may_see() -> None:
    owner, other = uuid4(), uuid4()
    for held in (False, True):
        assert rules.may_see(media(owner), viewer_id=owner, held_by_seen_post=held)
        for stranger in (other, None):
            assert rules.may_see(media(owner), viewer_id=stranger, held_by_seen_post=held) == held
        assert not rules.may_see(media(owner, MediaStatus.ERASED), viewer_id=owner, held_by_seen_post=held)


def test_a_private_generation_is_not_playable_for_everybody() -> None:
    one = media(uuid4())
    assert one.is_playable_for(Audience.PRIVATE)
    assert not one.is_playable_for(Audience.PUBLIC)
    assert replace(one, generation="p2").is_playable_for(Audience.PUBLIC)
    assert not replace(one, generation="p2", status=MediaStatus.PROCESSING).is_playable_for(Audience.PUBLIC)


VIDEO = VideoStream(0, "h264", 1920, 1080, 0, 30.0, "yuv420p", "", 9.0, True)
AUDIO = AudioStream(1, "aac", 2, 9.0, True)


@pytest.mark.parametrize(
    ("probe", "code", "words"),
    [
        (Probe("mov", 9.0, 9.0, None, None), "nothing_to_play", "neither picture nor sound"),
        (Probe("mov", 9.0, 4.2, VIDEO, AUDIO), "cut_off", "stops after 4.2 of 9.0 s"),
        (Probe("mov", 0.5, 0.2, VIDEO, AUDIO), "cut_off", "stops after 0.2 of 0.5 s"),
        (Probe("mov", None, 15000, VIDEO, AUDIO), "too_long", "4 hours"),
        (Probe("matroska", 100000, 9.0, VIDEO, AUDIO), "too_long", "4 hours"),
        (Probe("mov", 9.0, 9.0, replace(VIDEO, width=7680, height=4320), AUDIO), "too_many_pixels", "7680 by 4320"),
        (Probe("mov", 9.0, 9.0, replace(VIDEO, rate=10000.0), AUDIO), "too_fast", "10,000 frames"),
        (
            Probe("mov", 9.0, 9.0, VIDEO, replace(AUDIO, codec="dts", decodable=False)),
            "sound_unreadable",
            "The picture is fine, but the sound is DTS",
        ),
        (
            Probe("mov", 9.0, 9.0, None, replace(AUDIO, codec="x", decodable=False)),
            "sound_unreadable",
            "The sound is X",
        ),
        (Probe("mov", 9.0, 9.0, replace(VIDEO, codec="vvc", decodable=False), None), "picture_unreadable", "VVC"),
    ],
)
def test_what_will_not_play_is_said_in_words(probe: Probe, code: str, words: str) -> None:
    with pytest.raises(UnplayableMedia, match=words) as refused:
        rules.check_probe(probe)
    assert refused.value.problem_code == code


@pytest.mark.parametrize(("length_s", "claimed_s"), [(9.0, 9.0), (8.2, 9.0), (0.4, 0.5), (3590.0, 3600.0), (9.0, None)])
def test_what_containers_round_is_whole(length_s: float, claimed_s: float | None) -> None:
    rules.check_probe(Probe("mov", claimed_s, length_s, VIDEO, AUDIO))


def test_heads_of_photos() -> None:
    assert rules.looks_like_photo(b"\xff\xd8\xff\xe0" + b"x" * 28)
    assert rules.looks_like_photo(b"\x00\x00\x00\x1cftypheic")
    assert not rules.looks_like_photo(b"\x00\x00\x00\x1cftypisom")
    assert not rules.looks_like_photo(b"GIF89a")
    assert not rules.looks_like_photo(b"")
