"""Answers whose head and body leave together are those that uvicorn writes apart, and what it refuses is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ments.web.whole import write_head
from web_server import Answering, InThread, running_here

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_START, _BODY = "http.response.start", "http.response.body"


class Saying(Answering):
    """Sends the messages that it was told to."""

    messages: tuple[dict[str, Any], ...] = ()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        for message in self.messages:
            await send(dict(message))


@pytest.fixture(scope="module")
def running() -> Iterator[InThread]:
    with running_here(Saying()) as running:
        yield running


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": _START, "status": status, "headers": list(headers)}


def body(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": _BODY, "body": content, "more_body": more}


LENGTH = (b"content-length", b"5")


@pytest.mark.parametrize(
    "messages",
    [
        (start(LENGTH), body(b"words")),
        (start((b"Content-Length", b"5")), body(b"words")),
        (start(LENGTH, (b"X-Odd", b"\ta b\xe9")), body(b"words")),
        (start(LENGTH), body(b"wo", more=True), body(b"rds")),
        (start(LENGTH), body(b"words", more=True), body(b"")),
        (start(), body(b"wo", more=True), body(b"rds")),
        (start((b"transfer-encoding", b"chunked")), body(b"words")),
    ],
)
def test_an_answer_is_the_same_however_it_is_sent(running: InThread, messages: tuple[dict[str, Any], ...]) -> None:
    running.application.messages = messages
    with running.connect() as wire:
        for _ in range(3):
            wire.send(GET * 2)
            for _ in range(2):
                answer = wire.read()
                assert (answer.status, answer.body) == (200, b"words")
                assert answer.header("date")
                assert answer.header("connection") is None
        running.application.messages = (start(LENGTH, (b"connection", b"close")), body(b"words"))
        wire.send(GET)
        assert wire.read().header("connection") == "close"
        assert wire.read_to_end() == b""


def test_a_head_is_answered_without_a_body(running: InThread) -> None:
    running.application.messages = (start(LENGTH), body(b""))
    with running.connect() as wire:
        wire.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert wire.read(has_body=False).header("content-length") == "5"
        running.application.messages = (start(LENGTH), body(b"words"))
        wire.send(GET)
        assert wire.read().body == b"words"


@pytest.mark.parametrize(
    "header",
    [
        (b"x-a", b"1\r\nx-b: 2"),
        (b"x-a", b"1\nx-b: 2"),
        (b"x-a", b"1\r"),
        (b"x-a", b"\x00"),
        (b"x-a", b"\x7f"),
        (b"x-a: 1\r\nx-b", b"2"),
        (b"x a", b"1"),
        (b"x-a:", b"1"),
    ],
)
def test_nothing_splits_a_head(running: InThread, header: tuple[bytes, bytes]) -> None:
    running.application.messages = (start(LENGTH, header), body(b"words"))
    with running.connect() as wire:
        wire.send(GET)
        # As it ever was: the connection ends without a word.
        assert wire.read_to_end() == b""


@pytest.mark.parametrize("content", [b"word", b"words!"])
def test_another_length_than_was_said_ends_the_connection(running: InThread, content: bytes) -> None:
    running.application.messages = (start(LENGTH), body(content))
    with running.connect() as wire:
        wire.send(GET)
        assert len(wire.read_to_end().partition(b"\r\n\r\n")[2]) <= 4


@pytest.mark.parametrize("messages", [(start(LENGTH),), (start(LENGTH), start(LENGTH))])
def test_an_answer_without_its_body_is_none(running: InThread, messages: tuple[dict[str, Any], ...]) -> None:
    running.application.messages = messages
    with running.connect() as wire:
        wire.send(GET)
        assert b"words" not in wire.read_to_end()


_NAMES = st.one_of(st.sampled_from((b"x-a", b"X-B", b"connection", b"content-length")), st.binary(max_size=6))
_VALUES = st.one_of(st.sampled_from((b"1", b"close", b"a b")), st.binary(max_size=6))


@settings(max_examples=300)
@given(headers=st.lists(st.tuples(_NAMES, _VALUES), max_size=5))
def test_a_head_holds_the_headers_it_was_made_of_and_no_other(headers: list[tuple[bytes, bytes]]) -> None:
    written = write_head(200, [(b"date", b"now")], [*headers, LENGTH])
    if written is None:
        return
    head, length = written
    assert length == 5
    status, *lines, end, rest = head.split(b"\r\n")
    assert (status, end, rest) == (b"HTTP/1.1 200 OK", b"", b"")
    assert lines == [b"%b: %b" % header for header in [(b"date", b"now"), *headers, LENGTH]]
    assert not {b"connection", b"transfer-encoding"} & {name for name, _ in headers}
