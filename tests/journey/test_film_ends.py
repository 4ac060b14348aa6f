"""The last moments of a film, in a real browser: what is shorter than a few pictures, and what goes on from another address
just before its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from footage import make_small_video
from members import Member, post_with_file
from playwright.sync_api import expect

# Longer than all that is waited for in a row: what is late is told by name.
pytestmark = pytest.mark.timeout(600)
_READY_MS = 90_000


@pytest.mark.parametrize("length_s", [0.12, 2])
def test_a_film_ends_however_short_and_goes_on_just_before_its_end(
    join: Callable[..., Member], tmp_path: Path, length_s: float
) -> None:
    author = join()
    page = author.page
    card = post_with_file(author, f"Blink, {author.name}", make_small_video(tmp_path, length_s))
    # The card is drawn anew when the post goes out.
    expect(card.get_by_role("button", name="Share this post")).to_be_visible(timeout=_READY_MS)
    player, video = card.locator(".player"), card.locator("video")
    media = f"/api/media/{player.get_attribute('data-media')}"
    page.wait_for_function(
        "media => fetch(media).then(a => a.json()).then(m => m.status === 'ready')",
        arg=media,
        timeout=_READY_MS,
        polling=500,
    )
    page.reload()
    player.get_by_role("button", name="Play").first.click()
    element = video.element_handle()
    page.wait_for_function("video => video.ended", arg=element, timeout=_READY_MS)
    assert "m3u8" in str(player.get_attribute("data-hls"))
    assert player.get_attribute("data-file") != "only", "the ladder plays, not the file beside it"

    video.evaluate("video => { video.currentTime = video.duration - 0.1 }")
    page.wait_for_function("video => !video.seeking", arg=element, timeout=_READY_MS)
    # What a fresh signature does: the address that the page has is not the one that is told.
    assert player.evaluate(
        """box => new Promise((shown) => {
             const video = box.querySelector("video");
             const next = () => video.addEventListener("loadeddata", () => shown(true), { once: true });
             video.addEventListener("emptied", next, { once: true });
             setTimeout(() => shown(false), 60_000);
             box.dataset.hls = "/of-before.m3u8";
             box.dispatchEvent(new Event("media-changed"));
           })"""
    ), "the picture at its place is shown"
    expect(player.locator(".frozen")).to_have_count(0)
    assert abs(video.evaluate("video => video.duration - video.currentTime") - 0.1) < 0.05
    player.get_by_role("button", name="Play").first.click()
    page.wait_for_function("video => video.ended", arg=element, timeout=_READY_MS)
