"""A feed that is looked at, in a real browser through the edge: it says what is new, and counts move; nothing jumps in by itself."""

from __future__ import annotations

import re
from collections.abc import Callable

from members import Member
from playwright.sync_api import expect
from test_following import join_without_scripts, write


def test_a_pill_says_what_is_new_and_counts_move(join: Callable[..., Member]) -> None:
    author, reader = join(), join()
    write(author, f"There already, {author.name}")
    page = reader.page
    page.goto(f"/profile/{author.name}")
    page.get_by_role("button", name="Follow", exact=True).click()
    expect(page.get_by_role("button", name="Following (press to unfollow)")).to_be_visible()
    page.goto("/?kind=following")
    first = page.get_by_role("article").filter(has_text=f"There already, {author.name}")
    expect(first).to_be_visible()
    pill = page.locator("[data-new-posts]")
    expect(pill).to_be_hidden()
    # Somebody who runs no script likes it, in another window: its count moves here.
    liked = join_without_scripts(author)
    liked.goto("/")
    card = liked.get_by_role("article").filter(has_text=f"There already, {author.name}")
    card.get_by_role("button", name=re.compile("^Like")).click()
    expect(first.get_by_role("button", name="Like, 1 like")).to_be_visible()
    write(author, f"Just now, {author.name}")
    expect(pill).to_be_visible()
    expect(pill).to_contain_text("1 new post")
    expect(page.get_by_text(f"Just now, {author.name}")).to_have_count(0)
    pill.click()
    expect(page.get_by_role("article").filter(has_text=f"Just now, {author.name}")).to_be_visible()
    expect(page.locator("[data-new-posts]")).to_be_hidden()
