"""A member picks a file while too many wait: the page says so, keeps words and file, and goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from footage import real_video
from members import Member
from playwright.sync_api import expect

from running_stack import RunningStack

_READY_MS = 90_000


@pytest.fixture
def stack(hurt_stack: RunningStack) -> Iterator[RunningStack]:
    """In the place of the shared one: its bound is soon reached. Nobody comes after who would hurt it."""
    yield hurt_stack
    hurt_stack.stop()


def test_an_upload_that_is_put_off_goes_on_by_itself(join: Callable[..., Member], stack: RunningStack) -> None:
    author = join()
    text = f"Waiting in line, {author.name}"
    page = author.page
    _let_wait(stack)
    page.goto("/create")
    words = page.get_by_label("What you want to say")
    words.fill(text)
    page.locator("[data-picker]").set_input_files(real_video())
    row = page.locator(".attachment")
    expect(row).to_contain_text("So many videos and photos are waiting to be prepared")
    expect(row).to_contain_text(real_video().name)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.get_by_text("One file stopped. Retry it or remove it, then post.")).to_be_visible()
    expect(words).to_have_value(text)

    _work_off(stack)
    expect(row).to_contain_text("Ready.", timeout=_READY_MS)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.get_by_role("article").filter(has_text=text)).to_be_visible()


def _let_wait(stack: RunningStack) -> None:
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


def _work_off(stack: RunningStack) -> None:
    with psycopg.connect(stack.env["DATABASE_DIRECT_URL"], autocommit=True) as connection:
        connection.execute("delete from jobs where payload = '{}'")
