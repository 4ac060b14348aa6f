"""Addresses of media: what is in them, how long they live, who shares them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.edge.media_urls import LONGEST_LIFE_S, MediaUrls

MEDIA_ID = UUID("0190f5f0-0000-7000-8000-000000000001")
NOW = 1_795_507_000.5
PRIVATE = re.compile(r"/m/(\d+)\.(\d+)\.([\w-]{43})/([\w-]+)/(s\d+)/(.+)")


def test_public_urls_name_the_object() -> None:
    assert MediaUrls(["k"]).public(MEDIA_ID, "p3", "hls/720.m3u8") == f"/p/{MEDIA_ID}/p3/hls/720.m3u8"


def test_a_cdn_stands_in_front() -> None:
    urls = MediaUrls(["k"], "https://cdn.example", clock=lambda: NOW)
    assert urls.public(MEDIA_ID, "p1", "a.jpg") == f"https://cdn.example/p/{MEDIA_ID}/p1/a.jpg"
    assert urls.private(MEDIA_ID, 1, "s1", "a.jpg").startswith("https://cdn.example/m/1.")


def test_the_signature_is_the_documented_one() -> None:
    match = PRIVATE.fullmatch(MediaUrls(["new", "old"]).private(MEDIA_ID, 7, "s2", "a/b.m4s", NOW))
    assert match is not None
    epoch, expires, signature, media_id, generation, file = match.groups()
    assert (epoch, media_id, generation, file) == ("7", str(MEDIA_ID), "s2", "a/b.m4s")
    digest = hmac.new(b"new", f"{MEDIA_ID}|7|{expires}".encode(), hashlib.sha256).digest()
    assert signature == base64.urlsafe_b64encode(digest).decode().rstrip("=")


@given(now=st.floats(min_value=1e9, max_value=4e9))
def test_a_url_lives_ten_to_fifteen_minutes(now: float) -> None:
    match = PRIVATE.fullmatch(MediaUrls(["k"]).private("m", 1, "s1", "a.jpg", now))
    assert match is not None
    left_s = int(match[2]) - now
    assert LONGEST_LIFE_S - 301 < left_s <= LONGEST_LIFE_S


def test_viewers_of_the_same_minutes_share_a_url() -> None:
    urls = MediaUrls(["k"])
    start = 1_795_507_200
    assert len({urls.private("m", 1, "s1", "a.jpg", start + second) for second in range(300)}) == 1
    assert urls.private("m", 1, "s1", "a.jpg", start + 300) != urls.private("m", 1, "s1", "a.jpg", start)


def test_the_letter_of_the_generation_decides() -> None:
    urls = MediaUrls(["k"])
    assert urls.url("m", 1, "p1", "a.jpg", NOW) == urls.public("m", "p1", "a.jpg")
    assert urls.url("m", 1, "s1", "a.jpg", NOW) == urls.private("m", 1, "s1", "a.jpg", NOW)


@pytest.mark.parametrize("generation", ["s1", "", "p", "p1/../s1", "original", "pp1"])
def test_private_generations_get_no_public_url(generation: str) -> None:
    with pytest.raises(ValueError, match="generation"):
        MediaUrls(["k"]).public("m", generation, "a.jpg")


@pytest.mark.parametrize("file", ["", "original", "../a.jpg", "a//b.jpg", "a b.jpg", ".hidden", "a/b/c/d/e.jpg"])
def test_files_that_the_edge_would_refuse_get_no_url(file: str) -> None:
    with pytest.raises(ValueError, match="does not serve"):
        MediaUrls(["k"]).private("m", 1, "s1", file, NOW)


def test_there_must_be_a_key() -> None:
    with pytest.raises(ValueError, match="key"):
        MediaUrls([])
