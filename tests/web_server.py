"""A server of a test's own, as the API has it (uvloop, `web.protocol`), over an application that says what it was asked."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uvicorn.server import Server

from ments.cache.shared_memory import SharedCache
from ments.web.bounded import ENDLESS
from ments.web.protocol import ReadyFirst
from ments.web.server import configure
from running_stack import clean_environ
from wire import Wire, connect, wait_until

KEPT_BODY = b"k" * 14_000
_LIMIT_S = 15.0
ENDS_WITHIN_S = 30.0
"""In which a server that was told to stop has ended, unless something in it takes the grace."""
LONG_GRACE_S = 100
_TESTS = Path(__file__).parent


class Answering:
    """What lies ready is under /kept. /wait is answered once `go_on` was called, /slow after 0.8 s,
    /deaf without its body, /stream goes on; all else is told what it asked.

    asked, left  the targets that came here, and those whose reader left before the answer
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.left: list[str] = []
        self._gate = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def go_on(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._gate.set)

    def give(self, target: bytes, headers: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes] | None:
        asks_more = {b"content-length", b"transfer-encoding", b"expect", b"upgrade"}
        if not target.startswith(b"/kept") or any(name in asks_more for name, _ in headers):
            return None
        head = b"HTTP/1.1 200 OK\r\nx-target: %b\r\ncontent-length: %d\r\n" % (target, len(KEPT_BODY))
        return head, KEPT_BODY

    def share(self, shared: SharedCache | None) -> None:
        """Has nothing to share."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        target = scope["raw_path"].decode() + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        self.asked.append(target)
        path = scope["path"]
        if path == "/stream":
            await self._stream(scope, receive, send)
            return
        body = b""
        while path != "/deaf":
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left.append(target)
                return
            body += message["body"]
            if not message["more_body"]:
                break
        if path == "/wait":
            await self._gate.wait()
        elif path == "/slow":
            await asyncio.sleep(0.8)
        said = (
            b"x" * 1_000_000
            if path == "/large"
            else json.dumps(
                {
                    "method": scope["method"],
                    "body": body.decode(),
                    "headers": [name.decode() for name, _ in scope["headers"]],
                }
            ).encode()
        )
        headers = [(b"x-target", target.encode()), (b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})

    async def _stream(self, scope: Any, receive: Any, send: Any) -> None:
        scope[ENDLESS] = True
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-target", b"/stream")]})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.append("/stream")

    async def _live(self, receive: Any, send: Any) -> None:
        self._loop = asyncio.get_running_loop()
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


class _Failing(Answering):
    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "a part is missing"})


def make_failing() -> Answering:
    """The factory of one that does not start."""
    return _Failing()


def make_answering() -> Answering:
    """The factory of a server in processes of its own."""
    return Answering()


@dataclass
class InThread:
    """A server in a thread of the test's process, whose connections can be looked at."""

    port: int
    server: Server
    application: Any

    @property
    def connections(self) -> list[ReadyFirst]:
        return list(self.server.server_state.connections)  # type: ignore[arg-type]

    def connect(self, receives: int = 0) -> AbstractContextManager[Wire]:
        return connect(self.port, receives)


@contextmanager
def running_here(
    application: Any, protocol: type[ReadyFirst] = ReadyFirst, at_work_max: int = 100
) -> Iterator[InThread]:
    """Serve `application` in a thread."""
    config = configure("", limit_concurrency=at_work_max)
    config.app, config.http = (lambda: application), protocol
    server = Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    port = listening.getsockname()[1]
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        yield InThread(port, server, application)
    finally:
        server.should_exit = True
        thread.join(_LIMIT_S)
        assert not thread.is_alive(), "the server did not stop"


@dataclass
class Processes:
    """A server in processes of its own, as `ments api` runs it."""

    port: int
    parent: subprocess.Popen[str]

    def connect(self) -> AbstractContextManager[Wire]:
        return connect(self.port)

    def children(self) -> list[int]:
        """The processes that serve; not the one that only keeps count of what multiprocessing shares."""
        task = Path(f"/proc/{self.parent.pid}/task/{self.parent.pid}/children")
        return [pid for pid in map(int, task.read_text().split()) if b"spawn_main" in _command_line(pid)]

    def answers(self) -> bool:
        try:
            with self.connect() as wire:
                wire.send(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
                return bool(wire.read().status)
        except (OSError, EOFError):
            return False

    def stop(self) -> None:
        """Tell it to stop, and come back at once."""
        self.parent.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Its exit status; raises TimeoutExpired when it does not end."""
        return self.parent.wait(ENDS_WITHIN_S)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        # It ended, and was taken off the list, just now.
        return b""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def start_processes(
    port: int,
    factory: str = "web_server:make_answering",
    env: Mapping[str, str] | None = None,
    processes: int = 2,
    grace_s: int | None = None,
) -> subprocess.Popen[str]:
    """Start a server of so many processes under one. `grace_s`: how long a stop waits for what does not end, if not its own ten seconds."""
    grace = "" if grace_s is None else f"server._STOP_S = {grace_s}\n"
    call = f"server.serve({factory!r}, host='127.0.0.1', port={port}, processes={processes}, at_work_max=100)"
    return subprocess.Popen(
        [sys.executable, "-c", f"from ments.web import server\n{grace}{call}"],
        env=clean_environ() | dict(env or {}) | {"PYTHONPATH": str(_TESTS)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@contextmanager
def running_apart(
    factory: str = "web_server:make_answering",
    env: Mapping[str, str] | None = None,
    processes: int = 2,
    grace_s: int | None = None,
) -> Iterator[Processes]:
    """Serve in processes of their own until the block's end; whatever became of the parent, nothing is left."""
    port = free_port()
    parent = start_processes(port, factory, env, processes, grace_s)
    running = Processes(port, parent)
    try:
        wait_until(lambda: running.answers() or parent.poll() is not None, 30)
        yield running
    finally:
        parent.terminate()
        try:
            parent.wait(_LIMIT_S)
        finally:
            end_group(parent.pid)
            if parent.stderr is not None:
                parent.stderr.close()


def end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
