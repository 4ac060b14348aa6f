"""HTTP as the API speaks it, on bare sockets: what lies ready and what is made, in order; what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from web_server import KEPT_BODY, Answering, InThread, running_here
from wire import wait_until

KEPT = b"GET /kept?%d HTTP/1.1\r\nHost: a\r\n\r\n"
MADE = b"GET /made?%d HTTP/1.1\r\nHost: a\r\n\r\n"
KINDS = (
    KEPT,
    MADE,
    b"HEAD /kept?%d HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://a/kept?%d HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /kept?%d HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /",
    b"POST /made?%d HTTP/1.1\r\nContent-Length: 5\r\n\r\nwords",
    b"POST /made?%d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nwo\r\n3;a=b\r\nrds\r\n0\r\nCookie: a\r\n\r\n",
)


@pytest.fixture(scope="module")
def running() -> Iterator[InThread]:
    with running_here(Answering()) as running:
        yield running


@settings(max_examples=40)
@given(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=12), cuts=st.lists(st.integers(1, 900), max_size=12))
def test_requests_are_answered_in_order_however_they_come(
    running: InThread, kinds: list[bytes], cuts: list[int]
) -> None:
    sent = b"".join(kind % n for n, kind in enumerate(kinds))
    edges = [0, *sorted(cut for cut in cuts if cut < len(sent)), len(sent)]
    with running.connect() as wire:
        for start, end in pairwise(edges):
            wire.send(sent[start:end])
        for n, kind in enumerate(kinds):
            answer = wire.read(has_body=not kind.startswith(b"HEAD"))
            assert (answer.status, answer.target) == (200, f"/{'kept' if b'/kept' in kind else 'made'}?{n}")
            assert answer.header("date")
            assert answer.header("connection") is None
            if kind is KEPT:
                # Behind one that is still worked on it is asked for as any other.
                assert answer.body == KEPT_BODY or b'"method": "GET"' in answer.body
            elif b"words" in kind or b"chunked" in kind:
                assert b'"body": "words"' in answer.body
                # Nor is what comes after a body a header.
                assert b"cookie" not in answer.body


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /kept HTTP/1.0\r\n\r\n", 200),
        (b"GET /kept HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200),
        (b"GET /kept HTTP/1.1\r\nConnection: close\r\n\r\n", 200),
        (b"GET /kept HTTP/1.1\r\nConnection: keep-alive, close\r\n\r\n", 200),
        # What follows may be of the other protocol.
        (b"GET /kept HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
        (b"GET /kept HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", 200),
        (b"CONNECT a:443 HTTP/1.1\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ],
)
def test_the_last_answer_of_a_connection(running: InThread, head: bytes, status: int) -> None:
    before = len(running.application.asked)
    with running.connect() as wire:
        wire.send(head + MADE % 1)
        answer = wire.read()
        assert (answer.status, answer.header("connection")) == (status, "close")
        assert wire.read_to_end() == b""
    assert len(running.application.asked) == before + (status == 200)


def test_who_waits_for_a_word_before_the_body(running: InThread) -> None:
    with running.connect() as wire:
        wire.send(b"POST /made HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert wire.read().status == 100
        wire.send(b"words")
        assert b'"body": "words"' in wire.read().body
        assert wire.read_to_end() == b""
    with running.connect() as wire:
        # Answered without the body: what comes next may be it or not, so nothing comes next.
        wire.send(b"POST /deaf HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert wire.read().header("connection") == "close"
        assert wire.read_to_end() == b""


POST = b"POST /made HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        POST + b"Content-Length: 3, 3\r\n\r\nabc",
        POST + b"Content-Length: +3\r\n\r\nabc",
        POST + b"Content-Length: 0x3\r\n\r\nabc",
        POST + b"Content-Length:\r\n 3\r\n\r\nabc",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc",
        b"GET /kept HTTP/1.1\nHost: a\n\n",
        b"GET /kept HTTP/1.1\r\nHost: a\n\r\n",
        b"GET /kept HTTP/1.1\r\nHost: a\r\n\n",
        b"GET /kept HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        b"GET /kept HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
        b"GET /kept HTTP/1.1\r\nX: a\x00b\r\n\r\n",
        b"GET /kept HTTP/1.1\r\nX y: a\r\n\r\n",
        b"GET /kept\r\nX: y HTTP/1.1\r\n\r\n",
        b"GET /kept HTTP/2.0\r\n\r\n",
        b"GET /kept\r\n\r\n",
        b"GET /kept?\xff HTTP/1.1\r\n\r\n",
        b"GET http://a HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(running: InThread, request_: bytes) -> None:
    with running.connect() as wire:
        wire.send(KEPT % 1 + request_ + b"GET /never HTTP/1.1\r\n\r\n")
        assert wire.read().target == "/kept?1"
        refused = wire.read()
        assert (refused.status, refused.header("connection")) == (400, "close")
        assert wire.read_to_end() == b""
    assert "/never" not in running.application.asked


def test_a_refusal_does_not_cut_an_answer_in_two() -> None:
    with running_here(Answering()) as running, running.connect() as wire, running.connect() as other:
        wire.send(MADE % 1 + b"GET /wait HTTP/1.1\r\n\r\n" + b"nonsense\r\n\r\n" + MADE % 2)
        other.send(b"GET /stream HTTP/1.1\r\n\r\n")
        wait_until(lambda: "/stream" in running.application.asked)
        other.send(b"nonsense\r\n\r\n")
        wait_until(lambda: "/wait" in running.application.asked)
        running.application.go_on()
        assert [wire.read().target for _ in range(2)] == ["/made?1", "/wait"]
        assert wire.read_to_end() == b""
        assert other.read().body == b"begun"
        assert other.read_to_end() == b""
        assert "/made?2" not in running.application.asked
