"""Trace ids: there without a collector, kept from outside when they are well formed."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.observe.trace import (
    current_ids,
    current_trace_id,
    current_traceparent,
    parse_traceparent,
    span,
    trace_from,
)

OUTSIDE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_nothing_outside_a_trace() -> None:
    assert current_trace_id() is None
    assert current_ids() is None
    assert current_traceparent() is None


def test_a_new_trace_has_ids_of_its_own() -> None:
    seen = set()
    for _ in range(50):
        with trace_from(None, "x"):
            assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", current_traceparent() or "")
            seen.add(current_trace_id())
    assert len(seen) == 50
    assert current_trace_id() is None


def test_a_trace_from_outside_goes_on() -> None:
    with trace_from(OUTSIDE, "x"):
        assert current_trace_id() == "0af7651916cd43dd8448eb211c80319c"
        assert (current_ids() or ("", ""))[1] not in ("", "b7ad6b7169203331")
        with span("step", bytes=3):
            assert current_trace_id() == "0af7651916cd43dd8448eb211c80319c"


def test_a_trace_within_another_is_a_new_one() -> None:
    with trace_from(OUTSIDE, "x"):
        with trace_from(None, "y"):
            assert current_trace_id() != "0af7651916cd43dd8448eb211c80319c"
        assert current_trace_id() == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "",
        "x",
        OUTSIDE.upper(),
        OUTSIDE + "-00",
        OUTSIDE.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'0' * 16}-01",
        OUTSIDE + "\n",
    ],
)
def test_a_malformed_one_begins_anew(wrong: str | None) -> None:
    assert parse_traceparent(wrong) is None
    with trace_from(wrong, "x"):
        assert current_trace_id() not in (None, "0af7651916cd43dd8448eb211c80319c")


@given(st.text())
def test_any_text_can_be_a_traceparent(text: str) -> None:
    with trace_from(text, "x"):
        assert parse_traceparent(current_traceparent()) is not None


async def test_tasks_keep_their_own_trace() -> None:
    async def one() -> str | None:
        with trace_from(None, "x"):
            before = current_trace_id()
            await asyncio.sleep(0.01)
            assert current_trace_id() == before
            return before

    assert len(set(await asyncio.gather(*(one() for _ in range(20))))) == 20
