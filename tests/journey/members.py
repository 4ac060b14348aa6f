"""People in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

PASSWORD = "a reservoir at night 11"


@dataclass
class Member:
    """Somebody with a browser of their own, signed in."""

    name: str
    page: Page


def fill_registration(page: Page, name: str) -> None:
    page.get_by_label("Email").fill(f"{name}@example.com")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()


def choose_file(page: Page, file: Path) -> None:
    """Choose a file for a post, as soon as the page lets its reader do so."""
    expect(page.get_by_role("button", name="Add photos")).to_be_visible()
    page.locator("[data-picker]").set_input_files(file)


def post_with_file(member: Member, text: str, file: Path) -> Locator:
    """Write a post on /create with one file; returns its card on the page that follows."""
    page = member.page
    page.goto("/create")
    page.get_by_label("What you want to say").fill(text)
    choose_file(page, file)
    page.get_by_role("button", name="Post", exact=True).click()
    return page.get_by_role("article").filter(has_text=text)
