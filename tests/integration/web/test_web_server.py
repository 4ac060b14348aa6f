"""The API's processes: what they finish when they are told to stop, who replaces one that died, and none that outlives the rest."""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from web_server import (
    LONG_GRACE_S,
    Processes,
    end_group,
    free_port,
    running_apart,
    start_processes,
)
from wire import wait_until


@pytest.fixture(scope="module")
def running() -> Iterator[Processes]:
    with running_apart() as running:
        yield running


def test_each_process_may_hold_as_many_connections_as_it_takes(running: Processes) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for pid in running.children():
        assert resource.prlimit(pid, resource.RLIMIT_NOFILE)[0] >= min(9216, hard)


def test_a_process_that_was_killed_is_replaced(running: Processes) -> None:
    first, second = running.children()
    os.kill(first, signal.SIGKILL)
    for _ in range(20):
        # The port is shared, so a connection that the dead one had not taken up yet is the other's.
        assert running.answers()
    wait_until(lambda: len(running.children()) == 2 and first not in running.children())
    # The new one serves: the other stands still.
    os.kill(second, signal.SIGSTOP)
    try:
        wait_until(running.answers)
    finally:
        os.kill(second, signal.SIGCONT)
    assert second in running.children()


def test_where_no_memory_can_be_shared_each_process_keeps_for_itself() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Handed down to what is started; less than what would be shared.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, hard))
    try:
        with running_apart() as running:
            wait_until(lambda: len(running.children()) == 2)
            assert all(resource.prlimit(pid, resource.RLIMIT_FSIZE)[0] == 1024 * 1024 for pid in running.children())
            assert running.answers()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_port_that_is_taken_is_said_at_once(running: Processes) -> None:
    late = start_processes(running.port)
    said = late.communicate(timeout=15)[1]
    assert late.returncode == 1
    assert f"Address already in use: 127.0.0.1:{running.port}" in said
    assert running.answers()


def test_nobody_outlives_the_parent(running: Processes) -> None:
    children = running.children()
    with ExitStack() as stack:
        wires = [stack.enter_context(running.connect()) for _ in range(10)]
        for wire in wires:
            wire.send(b"GET /stream HTTP/1.1\r\n\r\n")
            assert wire.until(b"begun\r\n")
        running.parent.kill()
        running.parent.wait(10)
        # As if they had been told to stop.
        for wire in wires:
            assert wire.read_to_end() == b"0\r\n\r\n"
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))
    socket.create_server(("127.0.0.1", running.port)).close()


def test_an_application_that_does_not_start_ends_the_server() -> None:
    parent = start_processes(free_port(), "web_server:make_failing")
    try:
        assert parent.wait(20) == 3
    finally:
        end_group(parent.pid)
        parent.communicate()


def test_what_is_worked_on_is_finished_and_streams_end_at_once() -> None:
    # What took the grace would not be over while it is waited for here.
    with running_apart(grace_s=LONG_GRACE_S) as running, ExitStack() as stack:
        connect = lambda: stack.enter_context(running.connect())  # noqa: E731 (a line for each would be more)
        resting, streams, working, begun = connect(), [connect() for _ in range(20)], connect(), connect()
        resting.send(b"GET /kept HTTP/1.1\r\n\r\n")
        assert resting.read().status == 200
        for wire in streams:
            wire.send(b"GET /stream HTTP/1.1\r\n\r\n")
            assert wire.until(b"begun\r\n")
        working.send(b"GET /slow HTTP/1.1\r\n\r\nGET /slow HTTP/1.1\r\n\r\n")
        begun.send(b"POST /made HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert begun.read().status == 100
        running.stop()
        for wire in streams:
            assert wire.read_to_end() == b"0\r\n\r\n"
        assert resting.read_to_end() == b""
        begun.send(b"words")
        assert b'"body": "words"' in begun.read().body
        assert [working.read().status for _ in range(2)] == [200, 200]
        assert working.read_to_end() == b""
        assert running.wait() == 0
        with suppress(ConnectionRefusedError), running.connect() as late:
            assert late.read_to_end() == b""
