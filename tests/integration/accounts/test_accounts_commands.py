"""What operators type, against a running stack."""

from __future__ import annotations

from uuid import uuid4

import httpx2

from running_stack import RunningStack, ments

PASSWORD = "a long and odd sentence"


def test_accounts_tokens_and_links(stack: RunningStack) -> None:
    home = ("--home", str(stack.home))
    name = f"c{uuid4().hex[:10]}"
    words = ("accounts", "create", name, "--email", f"{name}@ments.example", "--password", PASSWORD, "--admin", *home)
    made = ments(*words)
    assert (made.returncode, made.stdout) == (0, f"{name}\n")

    tokens = ments("tokens", "create", name, name, *home).stdout.splitlines()
    assert len(set(tokens)) == 2
    for token in tokens:
        me = httpx2.get(f"{stack.url}/api/me", headers={"Authorization": f"Bearer {token}"}).json()
        assert (me["username"], me["is_admin"]) == (name, True)

    link = ments("accounts", "link", name, *home).stdout.strip()
    assert link.startswith(f"{stack.url}/auth/link?token=")
    with httpx2.Client(follow_redirects=False) as browser:
        assert browser.get(link).headers["location"] == "/"
        assert browser.get(f"{stack.url}/api/me").json()["username"] == name
    assert httpx2.get(link).status_code == 410


def test_what_cannot_be_done_is_one_line(stack: RunningStack) -> None:
    home = ("--home", str(stack.home))
    for words, text in (
        (("tokens", "create", "nobody_of_this_name", *home), "There is no account nobody_of_this_name."),
        (
            ("accounts", "create", "x", "--email", "a@b.example", "--password", PASSWORD, *home),
            "A username has 3 to 20",
        ),
        (("accounts", "create", "fine", "--email", "a@b", "--password", PASSWORD, *home), "cut off after"),
    ):
        done = ments(*words)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert text in done.stderr
