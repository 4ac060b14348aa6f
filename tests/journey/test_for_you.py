"""The ranked feed in a browser: what was seen is told by the page, a new ranking is asked for, and a post says why it is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
from members import Member
from playwright.sync_api import expect

from running_stack import RunningStack


def read_events(stack: RunningStack, name: str, post_id: str | None) -> list[tuple[Any, ...]]:
    """What a job wrote down of one post for one reader: kind, source, ms; waits for it."""
    for _ in range(600):
        with psycopg.connect(stack.env["DATABASE_DIRECT_URL"]) as db:
            rows = db.execute(
                "select e.kind, e.source, e.dwell_ms from feed_events e join accounts a on a.id = e.account_id "
                "where a.username = %s and e.post_id = %s",
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
    page.get_by_role("button", name="Rank your feed anew").click()
    card = page.get_by_role("article").filter(has_text=f"the kiln, {author.name}")
    expect(card).to_be_visible()
    expect(page.locator("#feed")).to_have_attribute("data-source", "pipeline")
    # Half a second in sight is an impression; leaving the page tells it. Posts of others may stand above.
    card.scroll_into_view_if_needed()
    page.wait_for_timeout(2_000)  # when that half a second begins, a loaded machine says
    page.evaluate("window.dispatchEvent(new Event('pagehide'))")
    seen = read_events(stack, reader.name, card.get_attribute("data-post"))
    assert [(event[0], event[1]) for event in seen] == [("impression", "pipeline")]
    assert seen[0][2] >= 500

    card.get_by_label("More about this post").click()
    card.get_by_role("link", name="Why you see this").click()
    expect(page.get_by_role("heading", name="Why you see this")).to_be_visible()
    expect(page.get_by_text("of your feed, as it was ranked")).to_be_visible()
