"""The ranked feed in a browser: what was seen is told by the page, a new ranking is asked for, and a post says why it is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
from members import Member
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from running_stack import RunningStack


def read_events(stack: RunningStack, name: str, post_id: str | None) -> list[tuple[Any, ...]]:
    """What a job wrote down of one post for one reader, as it was ranked: kind, ms; waits for it."""
    for _ in range(600):
        with psycopg.connect(stack.env["DATABASE_DIRECT_URL"]) as db:
            rows = db.execute(
                "select e.kind, e.dwell_ms from feed_events e join accounts a on a.id = e.account_id "
                "where a.username = %s and e.post_id = %s and e.source = 'pipeline'",
                [name, post_id],
            ).fetchall()
        if rows:
            return rows
        time.sleep(0.1)
    return []


def test_what_was_seen_is_told_and_the_feed_is_ranked_anew(join: Callable[..., Member], stack: RunningStack) -> None:
    author, reader = join(), join()
    author.page.goto("/create")
    author.page.get_by_label("What you want to say").fill(f"Trays out of the kiln, {author.name}")
    author.page.get_by_role("button", name="Post", exact=True).click()
    expect(author.page.get_by_role("article").filter(has_text=author.name)).to_be_visible()

    page = reader.page
    page.goto("/")
    expect(page.get_by_role("link", name="For you")).to_have_attribute("aria-current", "page")
    card = (
        page.locator("#feed[data-source=pipeline]").get_by_role("article").filter(has_text=f"the kiln, {author.name}")
    )
    _rank_anew(page, card)
    # Half a second in sight is an impression; leaving the page tells it. Posts of others may stand above.
    card.scroll_into_view_if_needed()
    page.wait_for_timeout(2_000)  # when that half a second begins, a loaded machine says
    page.evaluate("window.dispatchEvent(new Event('pagehide'))")
    seen = read_events(stack, reader.name, card.get_attribute("data-post"))
    ((kind, dwell_ms),) = seen
    assert kind == "impression"
    assert dwell_ms >= 500

    card.get_by_label("More about this post").click()
    card.get_by_role("link", name="Why you see this").click()
    expect(page.get_by_role("heading", name="Why you see this")).to_be_visible()
    expect(page.get_by_text("of your feed, as it was ranked")).to_be_visible()


def _rank_anew(page: Page, card: Locator) -> None:
    """Ask for a new ranking until the card is in it: the page waits for one for a moment only."""
    for _ in range(10):
        page.get_by_role("button", name="Rank your feed anew").click()
        try:
            card.wait_for(timeout=5_000)
        except PlaywrightTimeout:
            continue
        return
    raise AssertionError("it was not ranked")
