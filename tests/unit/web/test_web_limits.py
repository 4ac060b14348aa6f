"""The counts that a process keeps while Valkey is away, and the floors that the limits keep to."""

from __future__ import annotations

from ments.web import limits
from ments.web.limits import Limit, Local


def test_uses_run_out_and_are_told() -> None:
    local, limit = Local(), Limit("x", 3, 60, "Too many.")
    uses = [local.take("k", limit) for _ in range(4)]
    assert [use.used for use in uses] == [1, 2, 3, 3]
    assert [use.taken for use in uses] == [True, True, True, False]
    assert 50 < uses[-1].forgotten_in_s <= 60
    assert local.take("another", limit).taken


def test_a_window_ends() -> None:
    local, limit = Local(), Limit("x", 1, 0, "Too many.")
    assert local.take("k", limit).taken
    assert local.take("k", limit).taken


def test_a_use_can_be_given_back() -> None:
    local, limit = Local(), Limit("x", 1, 60, "Too many.")
    local.take("k", limit)
    local.give_back("k")
    assert local.take("k", limit).taken


def test_the_limits_leave_the_room_that_is_promised() -> None:
    assert limits.UPLOADS.most * 60 / limits.UPLOADS.window_s >= 60
    assert limits.WRITES.most * 60 / limits.WRITES.window_s >= 300
    assert limits.SIGN_INS.most * 60 / limits.SIGN_INS.window_s >= 30
    # A 2 GiB upload in parts of 16 MiB signs 128 of them, and each part may be tried again.
    assert limits.SIGNS.most >= 128 * 60 / 10
