"""A reader likes, keeps and votes, in a real browser through the edge: at once with a script, and also without one."""

from __future__ import annotations

from collections.abc import Callable

from members import PASSWORD, Member
from playwright.sync_api import Page, expect

from running_stack import RunningStack


def write_poll(author: Member, text: str) -> None:
    """Write a post that asks, in the composer."""
    page = author.page
    page.goto("/create")
    page.get_by_label("What you want to say").fill(text)
    page.get_by_label("Add a poll").check()
    page.get_by_label("Option 1").fill("Someone to run the pilots")
    page.get_by_label("Option 1").press("Enter")
    page.get_by_label("Option 2").fill("A founding designer")
    expect(page.get_by_label("Option 3")).to_be_hidden()
    page.get_by_role("button", name="Add an option").click()
    page.get_by_label("Option 3").fill("Nobody until the ninth pilot")
    page.get_by_label("Open for").select_option(label="Open for 3 days")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.get_by_role("article").filter(has_text=text)).to_be_visible()


def test_like_keep_and_vote(join: Callable[..., Member]) -> None:
    author, reader = join(), join()
    text = f"Who is the first hire, {author.name}? #hires{author.name}"
    write_poll(author, text)
    expect(author.page.get_by_role("article").filter(has_text=text)).to_contain_text("closes in 3 days")

    page = reader.page
    page.goto("/?kind=latest")
    card = page.get_by_role("article").filter(has_text=text)
    like = card.get_by_role("button", name="Like")
    expect(like).to_have_attribute("aria-pressed", "false")
    like.click()
    expect(like).to_have_attribute("aria-pressed", "true")
    expect(like).to_have_accessible_name("Like, 1 like")
    expect(like).to_be_focused()
    card.get_by_role("button", name="Bookmark").click()
    expect(card.get_by_role("button", name="Bookmark")).to_have_attribute("aria-pressed", "true")
    expect(card).not_to_contain_text("%")
    card.get_by_label("A founding designer").check()
    card.get_by_role("button", name="Vote").click()
    mine = card.locator(".poll-row.yours")
    expect(mine).to_contain_text("A founding designer")
    expect(mine).to_contain_text("100%")
    expect(card).to_contain_text("1 person voted")
    # All that was done in place: the page was not loaded anew, and stays so when it is.
    page.reload()
    expect(card.get_by_role("button", name="Like")).to_have_attribute("aria-pressed", "true")
    expect(card.locator(".poll-row.yours")).to_contain_text("100%")
    page.get_by_role("link", name="Saved").first.click()
    expect(page.get_by_role("heading", name="Saved")).to_be_visible()
    expect(page.get_by_role("article").filter(has_text=text)).to_be_visible()
    page.get_by_role("article").filter(has_text=text).get_by_role("link", name=f"#hires{author.name}").click()
    expect(page.get_by_role("heading", name=f"#hires{author.name}")).to_be_visible()
    expect(page.get_by_role("article").filter(has_text=text)).to_be_visible()


def test_what_is_gone_says_so_as_a_page(join: Callable[..., Member], stack: RunningStack) -> None:
    author, reader = join(), join()
    text = f"Here for a moment, {author.name}?"
    write_poll(author, text)
    reader.page.goto("/?kind=latest")
    card = reader.page.get_by_role("article").filter(has_text=text)
    card.get_by_label("A founding designer").check()
    address = f"{stack.url}/api/posts/{card.get_attribute('data-post')}"
    assert author.page.request.delete(address, headers={"Origin": stack.url}).status == 204
    card.get_by_role("button", name="Vote").click()
    expect(reader.page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    expect(reader.page.get_by_role("link", name="ments, home")).to_be_visible()


def test_like_and_vote_without_a_script(join: Callable[..., Member], open_page: Callable[..., Page]) -> None:
    author = join()
    text = f"Ship it on Friday, {author.name}?"
    write_poll(author, text)
    address = author.page.get_by_role("article").filter(has_text=text).get_by_role("link", name="just now")
    path = address.first.get_attribute("href")
    page = open_page(java_script_enabled=False)
    page.goto("/login")
    page.get_by_label("Email or username").fill(author.name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{path}")
    page.get_by_role("button", name="Like, 0 likes").click()
    expect(page.get_by_role("button", name="Like, 1 like")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Like, 1 like").click()
    expect(page.get_by_role("button", name="Like, 0 likes")).to_have_attribute("aria-pressed", "false")
    # A poll is asked without a script, too.
    page.goto("/create")
    page.get_by_label("What you want to say").fill(f"{text} Again.")
    page.get_by_label("Add a poll").check()
    page.get_by_label("Option 1").fill("Yes")
    page.get_by_label("Option 2").fill("No")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.get_by_role("article").filter(has_text=f"{text} Again.")).to_contain_text("closes in 24 hours")
