"""An operator watches the jobs in a browser: the numbers move by themselves, and a dead letter is dealt with."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import psycopg
from playwright.sync_api import Page, expect

from running_stack import RunningStack, ments


def bury(stack: RunningStack, task: str) -> None:
    with psycopg.connect(stack.env["DATABASE_DIRECT_URL"], autocommit=True) as connection:
        connection.execute(
            """
            insert into jobs (id, queue, task, payload, state, attempts, attempts_max, backoff_s, lease, started_at,
                              finished_at, code, cause, stacks)
            values (gen_random_uuid(), 'default', %s, '{"n": 1}', 'dead', 3, 3, 2, 3, now(), now(), 'permanent',
                    'The file stops in the middle', array['Traceback: one'])
            """,
            (task,),
        )


def test_an_operator_watches_and_decides(stack: RunningStack, open_page: Callable[..., Page]) -> None:
    task = f"fold_{uuid4().hex[:8]}"
    name = f"o{uuid4().hex[:10]}"
    home = ("--home", str(stack.home))
    made = ("accounts", "create", name, "--email", f"{name}@ments.example", "--password", "a long and odd sentence")
    assert ments(*made, "--admin", *home).returncode == 0
    page = open_page()
    page.goto(ments("accounts", "link", name, *home).stdout.strip())
    page.get_by_role("navigation", name="Places").get_by_role("link", name="Operations").first.click()
    expect(page.get_by_role("heading", name="Queues")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.locator("#now")).to_contain_text("alive")

    # The numbers come by themselves; the list does not move under the reader's hand.
    bury(stack, task)
    page.get_by_role("link", name="more stopped: show").click()
    page.locator("a.job", has_text=task).click()
    expect(page.get_by_text("The file stops in the middle")).to_be_visible()
    expect(page.get_by_text("Traceback: one").last).to_be_visible()

    page.get_by_role("link", name="Discard").click()
    page.get_by_role("link", name="Keep it").click()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status").filter(has_text="1 job was retried.")).to_be_visible()

    # No worker knows this task, so it comes back; this time it is given up.
    for _ in range(30):
        page.goto(f"/ops/jobs?task={task}")
        if page.locator("a.job").count():
            break
        page.wait_for_timeout(500)
    page.locator("#dead").get_by_role("link", name="Discard").click()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("status").filter(has_text="1 job was discarded.")).to_be_visible()
