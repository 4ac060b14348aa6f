"""The words of what goes wrong at signing in."""

from __future__ import annotations

from datetime import UTC, datetime

from ments.accounts.model import SignInNeeded, SignInPaused, WrongLogin

AT = datetime(2026, 3, 1, 10, 42, tzinfo=UTC)


def test_a_wrong_try_tells_how_many_are_left() -> None:
    assert WrongLogin(tries_left=4, paused_until=AT).safe == (
        "That email and password don't match. Four tries left before a ten-minute pause."
    )
    assert "One try left" in WrongLogin(tries_left=1, paused_until=AT).safe
    assert WrongLogin(tries_left=0, paused_until=AT).safe.endswith("Sign-in is paused until 10:42 UTC.")


def test_a_pause_tells_until_when() -> None:
    error = SignInPaused(until=AT, retry_after_s=600)
    assert error.safe == "Sign-in is paused until 10:42 UTC."
    assert error.headers["Retry-After"] == "600"
    assert error.extra["paused_until"] == "2026-03-01T10:42:00+00:00"


def test_a_visitor_is_sent_to_the_front_page_with_the_way_back() -> None:
    assert SignInNeeded("/create").headers["Location"] == "/?redirect=/create"
    assert SignInNeeded("/search?q=a&b=c").headers["Location"] == "/?redirect=/search%3Fq%3Da%26b%3Dc"
