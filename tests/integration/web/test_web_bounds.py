"""What one connection, and all of them, may take of the API: bytes, places, time."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ments.web.protocol import ReadyFirst
from web_server import KEPT_BODY, Answering, InThread, running_here
from wire import Wire, wait_until

KEPT = b"GET /kept?%d HTTP/1.1\r\nHost: a\r\n\r\n"
MADE = b"GET /made?%d HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def running() -> Iterator[InThread]:
    with running_here(Answering()) as running:
        yield running


def test_a_head_has_a_most(running: InThread) -> None:
    with running.connect() as wire:
        wire.send(b"GET /kept HTTP/1.1\r\nX: " + b"x" * 60_000 + b"\r\n\r\n" + KEPT % 2)
        assert [wire.read().status for _ in range(2)] == [200, 200]
    for begun, more in (
        (b"GET /kept HTTP/1.1\r\nX: ", b"x" * 1000),
        (b"GET /kept HTTP/1.1\r\n", b"X: x\r\n" * 200),
        (b"GET /", b"x" * 1000),
        (b"", b"\r\n" * 500),
        (b"POST /made HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", b"X: x\r\n" * 200),
        (b"POST /made HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=", b"x" * 1000),
    ):
        for pieces in ([begun + more * 200], [begun, *[more] * 200]):
            with running.connect() as wire:
                try:
                    for piece in pieces:
                        wire.send(piece)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                # Who is still sending may lose the answer to a reset.
                assert wire.read_to_end()[:12] in (b"HTTP/1.1 400", b"")
    wait_until(lambda: not running.connections)


def test_who_does_not_read_is_not_read_from(running: InThread) -> None:
    n = 400_000
    for kind in (KEPT, MADE):
        with running.connect(receives=50_000) as wire:
            wire.socket.settimeout(0.5)
            sent = b"".join(kind % k for k in range(n))
            with pytest.raises(TimeoutError):
                wire.send(sent)
            (connection,) = running.connections
            assert connection.transport.get_write_buffer_size() < 1_000_000
            assert len(connection._held) < 500_000
            assert len(connection.pipeline) < 600
            wire.socket.settimeout(10)
            # And every whole request that was taken is answered, in order, once they read.
            for k in range(1000):
                assert wire.read().target == f"/{'kept' if kind is KEPT else 'made'}?{k}"
        wait_until(lambda: not running.connections)


class Hasty(ReadyFirst):
    # A busy machine may take its time between a connection and what is sent on it.
    look_every_s = 2.0


@pytest.fixture(scope="module")
def hasty() -> Iterator[InThread]:
    with running_here(Answering(), Hasty) as running:
        yield running


def test_a_connection_on_which_nothing_happens_is_closed(hasty: InThread) -> None:
    beginnings = [
        b"",
        b"GET /kept HT",
        KEPT % 1,
        KEPT % 1 + b"GET",
        MADE % 1 + b"\r\n",
        b"POST /made HTTP/1.1\r\nContent-Length: 9\r\n\r\nwords",
        b"POST /made HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n",
    ]
    with ExitStack() as stack:
        wires = []
        for begun in beginnings:
            wires.append(stack.enter_context(hasty.connect()))
            wires[-1].send(begun)
        for wire, begun in zip(wires, beginnings, strict=True):
            whole = begun.count(KEPT % 1) + begun.count(MADE % 1)
            assert wire.read_to_end().count(b"HTTP/1.1 200") == whole
    wait_until(lambda: not hasty.server.server_state.tasks)


def is_closed_after(wire: Wire, byte: bytes) -> bool:
    try:
        wire.send(byte)
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


def test_a_head_that_comes_by_the_byte_is_closed_and_what_is_worked_on_is_not(hasty: InThread) -> None:
    with hasty.connect() as slow, hasty.connect() as waiting, hasty.connect() as following:
        waiting.send(b"GET /wait HTTP/1.1\r\n\r\n")
        following.send(b"GET /stream HTTP/1.1\r\n\r\n")
        slow.send(b"GET /kept HTTP/1.1\r\nX: ")
        wait_until(lambda: is_closed_after(slow, b"x"))
        hasty.application.go_on()
        assert waiting.read().target == "/wait"
        wait_until(lambda: len(hasty.server.server_state.tasks) == 1)


def test_who_takes_nothing_of_an_answer_is_cut_off(hasty: InThread) -> None:
    with hasty.connect(receives=50_000) as of_kept, hasty.connect(receives=50_000) as of_made:
        of_kept.send(b"".join(KEPT % k for k in range(1000)))
        of_made.send(b"".join(b"GET /large?%d HTTP/1.1\r\n\r\n" % k for k in range(20)))
        wait_until(lambda: sum(bool(one.transport.get_write_buffer_size()) for one in hasty.connections) == 2)
        wait_until(lambda: not hasty.connections and not hasty.server.server_state.tasks)


class Few(ReadyFirst):
    connections_max = 4


def test_connections_have_a_most() -> None:
    with running_here(Answering(), Few) as running, ExitStack() as stack:
        wires = [stack.enter_context(running.connect()) for _ in range(4)]
        wait_until(lambda: len(running.connections) == 4)
        assert stack.enter_context(running.connect()).read_to_end() == b""
        wires.pop().break_off()
        wait_until(lambda: len(running.connections) == 3)
        for wire in (*wires, stack.enter_context(running.connect())):
            wire.send(KEPT % 1)
            assert wire.read().status == 200


def test_requests_at_work_have_a_most() -> None:
    with running_here(Answering(), at_work_max=3) as running, ExitStack() as stack:
        *wires, late = [stack.enter_context(running.connect()) for _ in range(4)]
        for wire in wires:
            wire.send(b"GET /wait HTTP/1.1\r\n\r\n")
        wait_until(lambda: len(running.application.asked) == 3)
        late.send(b"POST /made HTTP/1.1\r\nContent-Length: 5\r\n\r\nwords" + MADE % 1)
        for _ in range(2):
            busy = late.read()
            assert (busy.status, busy.header("content-type")) == (503, "application/problem+json")
            assert (busy.header("retry-after"), busy.header("cache-control")) == ("1", "no-store")
            assert b'"code":"busy"' in busy.body
        # What lies ready costs nothing.
        late.send(KEPT % 2)
        assert late.read().body == KEPT_BODY
        running.application.go_on()
        assert [wire.read().status for wire in wires] == [200] * 3
        wait_until(lambda: not running.server.server_state.tasks)
        late.send(MADE % 3)
        assert late.read().status == 200


def test_nothing_of_a_connection_is_left(running: InThread) -> None:
    with ExitStack() as stack:
        wires: list[Wire] = [stack.enter_context(running.connect()) for _ in range(5)]
        for wire in wires[:4]:
            wire.send(MADE % 1 + KEPT % 2)
            assert [wire.read().status, wire.read().status] == [200, 200]
        wires[0].send(MADE % 3)
        assert wires[0].read().status == 200
        # One that waits for its turn, and is gone before it comes.
        wires[1].send(b"GET /stream HTTP/1.1\r\n\r\nGET /never HTTP/1.1\r\n\r\n")
        wait_until(lambda: "/stream" in running.application.asked)
        protocols = [weakref.ref(connection) for connection in running.connections]
        assert len(protocols) == 5
        for wire in wires[:3]:
            wire.break_off()
    wait_until(lambda: not running.connections and not running.server.server_state.tasks)
    assert running.application.left[-1] == "/stream"
    assert "/never" not in running.application.asked
    wait_until(lambda: gc.collect() is not None and not any(ref() for ref in protocols))
