"""What a newcomer does first, in a real browser through the edge: register, drop a phone's video, see it play; so does a friend."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from footage import make_large_video, real_video
from members import Member, choose_file, fill_registration, post_with_file
from playwright.sync_api import Locator, Page, expect

# Longer than all that is waited for in a row: what is late is told by name.
pytestmark = pytest.mark.timeout(600)
_READY_MS = 90_000
_PLAYS_MS = 90_000


def play(video: Locator, side: int) -> dict[str, float]:
    """Press play as a person would, and choose the size of which `side` is the short side, once it has come; returns what
    the video element says."""
    page, player = video.page, video.locator("xpath=..")
    video.scroll_into_view_if_needed()
    player.get_by_role("button", name="Play").first.click()
    page.wait_for_function("video => video.currentTime > 1", arg=video.element_handle(), timeout=_PLAYS_MS)
    # It plays before it is ready; better sizes join while it is watched.
    expect(player).to_have_attribute("data-status", "ready", timeout=_READY_MS)
    video.evaluate("video => { video.loop = true; void video.play() }")
    player.get_by_role("button", name="Quality").click()
    player.get_by_role("menuitemradio", name=re.compile(f"^{side}p")).click()
    wanted = f"video => Math.min(video.videoWidth, video.videoHeight) === {side}"
    page.wait_for_function(wanted, arg=video.element_handle(), timeout=_PLAYS_MS)
    facts: dict[str, float] = video.evaluate(
        "v => ({width: v.videoWidth, height: v.videoHeight, length: v.duration, sound: v.webkitAudioDecodedByteCount})"
    )
    video.evaluate("video => video.pause()")  # drawing it takes the processor that others need now
    return facts


def test_a_phones_video_goes_from_the_browser_to_the_feed(join: Callable[..., Member], phone_video: Path) -> None:
    author = join()
    text = f"Day nine at the reservoir, {author.name}"
    card = post_with_file(author, text, phone_video)
    expect(card).to_be_visible()
    # The card is drawn anew when the post goes out; a video pressed before that would be another one after it.
    expect(card.get_by_role("button", name="Share this post")).to_be_visible(timeout=_READY_MS)
    video = card.locator("video")
    expect(video).to_be_visible()
    facts = play(video, 720)
    # Held upright: coded 1280x720, shown 720x1280, never upscaled.
    assert (facts["width"], facts["height"]) == (720, 1280)
    assert abs(facts["length"] - 5.3) < 0.3
    assert facts["sound"] > 0

    friend = join()
    friend.page.goto("/?kind=latest")
    seen = friend.page.get_by_role("article").filter(has_text=text).locator("video")
    expect(seen).to_be_visible()
    assert seen.get_attribute("poster")
    assert play(seen, 720)["height"] == 1280


def test_an_unmodified_published_clip_plays(join: Callable[..., Member]) -> None:
    author = join()
    card = post_with_file(author, f"As it came, {author.name}", real_video())
    # The card is drawn anew when the post goes out; a video pressed before that would be another one after it.
    expect(card.get_by_role("button", name="Share this post")).to_be_visible(timeout=_READY_MS)
    video = card.locator("video")
    expect(video).to_be_visible()
    facts = play(video, 720)
    assert (facts["width"], facts["height"]) == (1280, 720)
    assert facts["sound"] > 0


def test_the_author_sees_a_large_upload_go_in_parts(join: Callable[..., Member], tmp_path: Path) -> None:
    """Over 64 MiB, in parts; each state has words before the video is there."""
    author = join()
    page = author.page
    parts: set[str] = set()
    page.on("request", lambda request: parts.update(re.findall(r"[?&]partNumber=(\d+)", request.url)))
    page.goto("/create")
    page.get_by_label("What you want to say").fill(f"A long one, {author.name}")
    choose_file(page, make_large_video(tmp_path, megabytes=80))
    expect(page.get_by_role("progressbar").first).to_be_visible()
    expect(page.get_by_text("Uploading", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Post", exact=True).click()
    card = page.get_by_role("article").filter(has_text=author.name)
    expect(card).to_be_visible(timeout=60_000)
    expect(card.locator("video")).to_be_visible(timeout=120_000)
    assert parts == {str(number) for number in range(1, len(parts) + 1)}
    assert len(parts) > 1


def test_a_visitor_to_create_lands_there_after_registering(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/create")
    assert page.url.endswith(("/?redirect=/create", "/?redirect=%2Fcreate"))
    page.get_by_role("link", name="Create an account").first.click()
    # The form of the page before has an email too.
    expect(page.get_by_role("button", name="Create the account")).to_be_visible()
    fill_registration(page, "v" + page.evaluate("crypto.randomUUID().slice(-12)"))
    expect(page).to_have_url(re.compile("/create$"))


def test_a_text_file_named_mp4_fails_in_words(join: Callable[..., Member], tmp_path: Path) -> None:
    author = join()
    fake = tmp_path / "holiday.mp4"
    fake.write_text("This is not a video. " * 500)
    card = post_with_file(author, f"Not a film, {author.name}", fake)
    expect(card.get_by_text("couldn’t be prepared")).to_be_visible(timeout=_READY_MS)
    expect(card.get_by_role("button", name="Post without it")).to_be_visible()
    card.get_by_role("button", name="Post without it").click()
    expect(
        author.page.get_by_role("article").filter(has_text=author.name).get_by_role("button", name="Share this post")
    ).to_be_visible()
