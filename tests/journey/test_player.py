"""Watching, in a real browser through the edge: sizes that change, a place sought by its picture, captions, sound, and
better pictures that join while somebody watches."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from footage import FFMPEG
from members import Member, post_with_file
from playwright.sync_api import Locator, Page, expect

# Longer than all that is waited for in a row: what is late is told by name.
pytestmark = pytest.mark.timeout(600)
_READY_MS = 150_000
_PLAYS_MS = 45_000
CAPTIONS = "WEBVTT\n\n00:00:00.000 --> 00:00:11.000\nIt has been under for <i>nine hours</i> now.\n\n00:00:11.000 --> 00:00:20.000\nThis is the gasket.\n"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s of 1280x720 with a tone; the second half is another colour."""
    path = tmp_path_factory.mktemp("clip") / "reservoir.mp4"
    pictures = (
        "color=c=0x802020:size=1280x720:rate=25:duration=10[a];color=c=0x202080:size=1280x720:rate=25:duration=10[b];"
        "testsrc2=size=320x180:rate=25:duration=20[t];[a][b]concat=n=2[ab];[ab][t]overlay=20:20[v];"
        "sine=frequency=440:duration=20[s]"
    )
    command = [FFMPEG, "-v", "error", "-y", "-filter_complex", pictures, "-map", "[v]", "-map", "[s]"]
    # 10 s between two keyframes: pictures that may not be kept as they are, so that a small size plays first.
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-g", "250", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    return path


def wait_for(video: Locator, condition: str, limit_ms: int = _PLAYS_MS) -> None:
    video.page.wait_for_function(f"video => {condition}", arg=video.element_handle(), timeout=limit_ms)


def start(card: Locator) -> Locator:
    """Press Play; returns the video once its clock moves."""
    card.get_by_role("button", name="Play").first.click()
    video = card.locator("video")
    wait_for(video, "video.currentTime > 0.5")
    return video


def choose(card: Locator, menu: str, entry: str) -> None:
    card.get_by_role("button", name=menu).click()
    card.get_by_role("menuitemradio", name=re.compile(f"^{entry}")).click()


def watched_by(open_page: Callable[..., Page], address: str, **options: object) -> tuple[Page, Locator]:
    page = open_page(**options)
    page.goto(address)
    card = page.get_by_role("article").first
    expect(card.locator("video")).to_be_visible()
    return page, card


def test_a_film_is_watched_while_it_gets_sharper_and_then_by_others(
    join: Callable[..., Member], open_page: Callable[..., Page], clip: Path, tmp_path: Path
) -> None:
    author = join()
    text = f"Nine hours under, {author.name}"
    card = post_with_file(author, text, clip)
    expect(card.locator("video")).to_be_visible(timeout=_READY_MS)
    player = card.locator(".player")
    media = f"/api/media/{player.get_attribute('data-media')}"

    # Plays before it is ready, and becomes better without a new page, or another place in the film.
    video = start(card)
    assert player.get_attribute("data-status") == "playable"
    video.evaluate("video => { window.seen = video; video.loop = true }")
    expect(player).to_have_attribute("data-status", "ready", timeout=_READY_MS)
    wait_for(video, "video === window.seen && !video.paused && video.currentTime > 1")
    expect(card.locator(".arriving")).to_have_count(0)
    choose(card, "Quality", "720p")
    wait_for(video, "video.videoHeight === 720")
    assert author.page.evaluate("window.seen.isConnected")
    video.evaluate("video => video.pause()")  # drawing it takes the processor that others need now

    # Captions of its author's.
    expect(card.get_by_role("button", name="Share this post")).to_be_visible(timeout=_READY_MS)
    file = tmp_path / "captions.vtt"
    file.write_text(CAPTIONS)
    card.get_by_label("More about this post").click()
    card.get_by_role("button", name="Captions", exact=True).first.click()
    dialog = author.page.get_by_role("dialog", name="Captions")
    dialog.get_by_label("Language").select_option("en")
    dialog.get_by_label("WebVTT or SubRip file").set_input_files(file)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_role("listitem").filter(has_text="English")).to_be_visible()
    dialog.get_by_role("button", name="Done").click()

    address = f"/post/{card.get_attribute('data-post')}"
    assert author.page.evaluate("media => fetch(media).then(a => a.json()).then(m => m.hls_url)", media).startswith(
        "/p/"
    )
    _watch(open_page, address)
    _watch_without_script(open_page, address)


def _watch(open_page: Callable[..., Page], address: str) -> None:
    page, card = watched_by(open_page, address)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    assert card.locator("video").get_attribute("poster")
    page.wait_for_timeout(500)
    assert not [url for url in asked if url.endswith((".m3u8", ".m4s", ".mp4", ".vtt")) or "hls-" in url]

    video = start(card)
    video.evaluate("video => { video.loop = true }")  # however long the choices take, it is not over
    # Every size, by HLS, with sound.
    for side in (240, 480, 720):
        choose(card, "Quality", f"{side}p")
        wait_for(video, f"video.videoHeight === {side}")
    facts = video.evaluate("v => ({ length: v.duration, sound: v.webkitAudioDecodedByteCount, source: v.currentSrc })")
    assert abs(facts["length"] - 20) < 0.3
    assert facts["sound"] > 0
    assert facts["source"].startswith("blob:")
    assert [url for url in asked if url.endswith(".m4s")]

    # Sought by its picture.
    line = card.get_by_role("slider", name="Position")
    box = line.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    tile = card.locator(".tile")
    expect(tile).to_be_visible()
    assert "storyboard-000.jpg" in tile.evaluate("tile => tile.style.backgroundImage")
    assert tile.evaluate("tile => tile.style.backgroundPosition") != "0px 0px"
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    wait_for(video, "video.currentTime > 14.5 && video.currentTime < 19 && video.readyState >= 3")
    video.evaluate("video => video.pause()")  # and stays there
    # The second half of the film is blue.
    red, _, blue = video.evaluate(
        """video => {
          const canvas = new OffscreenCanvas(1, 1), pen = canvas.getContext('2d');
          pen.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1);
          return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }"""
    )
    assert blue > red + 50

    # Captions, kept for the next page; C turns them off.
    choose(card, "Captions", "English")
    expect(card.locator(".cues")).to_have_text("This is the gasket.")
    line.focus()
    page.keyboard.press("Home")
    wait_for(video, "video.currentTime < 10")
    expect(card.locator(".cues")).to_have_text("It has been under for nine hours now.")
    expect(card.locator(".cues i")).to_have_text("nine hours")
    page.keyboard.press("c")
    expect(card.locator(".cues")).to_have_text("")
    page.keyboard.press("c")
    page.keyboard.press("k")
    wait_for(video, "!video.paused")
    page.keyboard.press("k")
    wait_for(video, "video.paused")
    page.keyboard.press("ArrowRight")
    wait_for(video, "video.currentTime > 4.9")
    page.keyboard.press("m")
    assert video.evaluate("video => video.muted")
    page.reload()
    again = start(page.get_by_role("article").first)
    expect(page.get_by_role("article").first.locator(".cues")).to_have_text("It has been under for nine hours now.")
    assert again.evaluate("video => video.videoWidth") > 0


def _watch_without_script(open_page: Callable[..., Page], address: str) -> None:
    _, card = watched_by(open_page, address, java_script_enabled=False)
    video = card.locator("video")
    assert video.get_attribute("controls") is not None
    assert re.search(r"/video\.mp4$", video.locator("source").first.get_attribute("src") or "")
    assert video.locator("track").get_attribute("srclang") == "en"
