"""A real browser before the edge, and members who come to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from footage import make_phone_video
from members import Member, fill_registration
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from running_stack import RunningStack

CHROMIUM = os.environ.get("MENTS_CHROMIUM_BIN", "/usr/bin/chromium")
# A closed network: a browser that looks for its maker's servers only wastes time.
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_WAIT_MS = 15_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with the file: while it is open its event loop counts as running, and asyncio's tests could not start theirs."""
    expect.set_options(timeout=_WAIT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, stack: RunningStack) -> Iterator[Callable[..., Page]]:
    """`open_page()`: a browser without history; a script error on a page fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_one(**options: object) -> Page:
        # Without motion nothing starts by itself, so that a press of Play is what starts it.
        context = browser.new_context(**{"base_url": stack.url, "reduced_motion": "reduce", **options})  # type: ignore[arg-type]
        context.set_default_timeout(_WAIT_MS)
        # A page's first load shares the processor with whatever the workers encode just now.
        context.set_default_navigation_timeout(3 * _WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def join(open_page: Callable[..., Page]) -> Callable[..., Member]:
    """`join()`: register by the form, in a new browser."""

    def join_one(**options: object) -> Member:
        page = open_page(**options)
        name = f"u{uuid4().hex[:12]}"
        page.goto("/register")
        fill_registration(page, name)
        expect(page.get_by_label("What you want to say")).to_be_visible()
        return Member(name, page)

    return join_one


@pytest.fixture(scope="session")
def phone_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_phone_video(tmp_path_factory.mktemp("footage"))
