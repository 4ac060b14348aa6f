"""People in a browser."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

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
