"""Following somebody in a real browser through the edge: on their profile, with and without a script."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from members import Member
from playwright.sync_api import Page, expect


def write(member: Member, text: str, seen_by: str | None = None) -> None:
    page = member.page
    page.goto("/create")
    page.get_by_label("What you want to say").fill(text)
    if seen_by:
        page.get_by_label("Who can see this").select_option(label=seen_by)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.get_by_role("article").filter(has_text=text)).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no_scripts"])
def test_following_on_a_profile_brings_posts_under_following(join: Callable[..., Member], scripts: bool) -> None:
    author, reader = join(), join()
    write(author, f"For those who follow, {author.name}", seen_by="Followers")
    page = reader.page
    if not scripts:
        # Signed in by a script or not, what follows is plain links and forms.
        page = join_without_scripts(reader)
    page.goto("/?kind=following")
    expect(page.get_by_text("Nobody’s posts yet")).to_be_visible()
    page.goto(f"/profile/{author.name}")
    expect(page.get_by_text(f"For those who follow, {author.name}")).to_have_count(0)
    page.get_by_role("button", name="Follow", exact=True).click()
    expect(page.get_by_role("button", name="Following (press to unfollow)")).to_be_visible()
    expect(page.get_by_role("link", name="1 follower", exact=True)).to_be_visible()
    page.goto("/?kind=latest")
    page.get_by_role("link", name="Following", exact=True).click()
    expect(page).to_have_url(re.compile(r"/\?kind=following$"))
    card = page.get_by_role("article").filter(has_text=f"For those who follow, {author.name}")
    expect(card).to_be_visible()
    # Blocked, it is gone from there, and back is the way to undo it.
    page.goto(f"/profile/{author.name}")
    page.get_by_label(f"More about {author.name}").click()
    page.get_by_role("button", name="Block", exact=True).click()
    expect(page.get_by_role("heading", name=f"You blocked @{author.name}")).to_be_visible()
    page.goto("/?kind=following")
    expect(page.get_by_text("Nobody’s posts yet")).to_be_visible()
    author.page.goto(f"/profile/{reader.name}")
    expect(author.page.get_by_text("There is no account with this name")).to_be_visible()
    page.goto(f"/profile/{author.name}")
    page.get_by_role("button", name="Unblock").click()
    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()


def join_without_scripts(member: Member) -> Page:
    """The same member in a browser that runs no scripts."""
    browser = member.page.context.browser
    assert browser is not None
    context = browser.new_context(
        base_url=re.match(r"https?://[^/]+", member.page.url)[0],  # type: ignore[index]
        storage_state=member.page.context.storage_state(),
        java_script_enabled=False,
    )
    return context.new_page()
