"""A member's page while the workers are late: an upload that is put off, and a film that is pressed before its post is out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from footage import make_small_video, real_video
from members import Member, choose_file
from playwright.sync_api import Route, expect

from running_stack import RunningStack, ments

# Longer than all that is waited for in a row: what is late is told by name.
pytestmark = pytest.mark.timeout(600)
_READY_MS = 90_000


@pytest.fixture
def stack(hurt_stack: RunningStack) -> RunningStack:
    """In the place of the shared one: its bound is soon reached, and nobody else waits for its workers."""
    return hurt_stack


@pytest.fixture(scope="module", autouse=True)
def ended(hurt_folder: Path) -> Iterator[None]:
    """Nobody comes after who would hurt the stack."""
    yield
    ments("down", "--home", str(hurt_folder / "home"), limit_s=40)


def test_a_film_that_is_pressed_starts_although_its_card_is_drawn_anew(
    join: Callable[..., Member], stack: RunningStack, tmp_path: Path
) -> None:
    """As on a slow connection: what plays it is still on its way when the post goes out."""
    author, held = join(), list[Route]()
    page = author.page
    page.route("**/hls-*.js", lambda route: held.append(route))
    text = f"At once, {author.name}"
    page.goto("/create")
    page.get_by_label("What you want to say").fill(text)
    choose_file(page, make_small_video(tmp_path))
    expect(page.locator(".attachment")).to_contain_text("Ready.", timeout=_READY_MS)
    card = page.get_by_role("article").filter(has_text=text)
    with _nobody_publishes(stack):
        page.get_by_role("button", name="Post", exact=True).click()
        card.get_by_role("button", name="Play").first.click()
        card.locator("video").evaluate("video => { window.pressed = video }")
        expect(card.get_by_role("button", name="Share this post")).to_have_count(0)
    expect(card.get_by_role("button", name="Share this post")).to_be_visible(timeout=_READY_MS)
    assert held
    for route in held:
        route.continue_()
    page.wait_for_function("() => window.pressed.isConnected && window.pressed.currentTime > 0.2", timeout=_READY_MS)


@contextmanager
def _nobody_publishes(stack: RunningStack) -> Iterator[None]:
    """The worker that copies a public post's media to where everybody may fetch them stands still."""
    workers = stack.status()["parts"]["worker"]["processes"]
    worker = psutil.Process(next(process["pid"] for process in workers if "default" in process["name"]))
    worker.suspend()
    try:
        yield
    finally:
        worker.resume()


def test_an_upload_that_is_put_off_goes_on_by_itself(join: Callable[..., Member], stack: RunningStack) -> None:
    author = join()
    text = f"Waiting in line, {author.name}"
    page = author.page
    with _many_wait(stack):
        page.goto("/create")
        words = page.get_by_label("What you want to say")
        words.fill(text)
        choose_file(page, real_video())
        row = page.locator(".attachment")
        expect(row).to_contain_text("So many videos and photos are waiting to be prepared")
        expect(row).to_contain_text(real_video().name)
        page.get_by_role("button", name="Post", exact=True).click()
        expect(page.get_by_text("One file stopped. Retry it or remove it, then post.")).to_be_visible()
        expect(words).to_have_value(text)

    expect(row).to_contain_text("Ready.", timeout=_READY_MS)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.get_by_role("article").filter(has_text=text)).to_be_visible()


@contextmanager
def _many_wait(stack: RunningStack) -> Iterator[None]:
    """Four jobs wait, a hundred have just ended: there should be room in some seconds."""
    with psycopg.connect(stack.env["DATABASE_DIRECT_URL"], autocommit=True) as connection:
        connection.execute(
            """
            insert into jobs (id, queue, task, payload, turn, state, attempts_max, backoff_s, due_at, finished_at)
            select gen_random_uuid(), 'media', 'transcode', '{}', n, case when n <= 4 then 'queued' else 'done' end, 3, 2,
              clock_timestamp(), case when n > 4 then clock_timestamp() end
            from generate_series(1, 104) as n
            """
        )
        with connection.transaction():
            # They have no entries in Valkey: without this they would be given some, and end.
            connection.execute("select id from jobs where payload = '{}' for update")
            yield
            connection.execute("delete from jobs where payload = '{}'")
