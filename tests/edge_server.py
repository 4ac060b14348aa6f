"""An edge of a test's own, before an origin that writes down what it was asked."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ments.edge import EdgeConfig, allowed_hosts
from ments.stack.programs import find_programs
from ments.stack.recipes import nginx
from own_ports import own_ports

SIGNING_KEYS = ("the-new-key", "the-old-key")
EDGE_SECRET = "edge-secret"


@dataclass(frozen=True)
class Answer:
    """What came back. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    first_byte_s: float


@dataclass(frozen=True)
class Asked:
    """A request as the origin saw it. Header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Origin:
    """Answers each path as `answers` says: (status, headers, body), or `b''` cut off in the middle when status is 0.

    It takes the API's place, so that a test can say what the API does: which answers may be cached, when it dies.
    """

    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    delay_s: float = 0.0
    port: int = field(default_factory=lambda: own_ports(["origin"])["origin"])
    _server: ThreadingHTTPServer | None = None
    _connections: set[socket.socket] = field(default_factory=set)

    def start(self) -> None:
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                origin.answer(self)

            do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815 (the names of http.server)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name of http.server)
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self._connections.add(handler.connection)
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.asked.append(Asked(handler.command, handler.path, headers, body))
        time.sleep(self.delay_s)
        status, more, content = self.answers.get(handler.path.partition("?")[0], (200, {}, b"plain"))
        if status == 0:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        handler.send_response(status)
        for name, value in {"Content-Type": "text/html", "Content-Length": str(len(content)), **more}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(content)

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        while self._connections:
            with suppress(OSError):
                self._connections.pop().shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        self.answers.clear()
        self.asked.clear()
        self.delay_s = 0.0


@dataclass(frozen=True)
class EdgeServer:
    """One running nginx."""

    config: EdgeConfig

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.config.port}"

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask for a path as it is spelled, on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.config.port, timeout=40)
        try:
            started = time.perf_counter()
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response: HTTPResponse = connection.getresponse()
            first_byte_s = time.perf_counter() - started
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read(), first_byte_s)
        finally:
            connection.close()

    def ask_signed(self, url: str, method: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a signed request as a browser would: to the URL's path, with its host."""
        parts = urlsplit(url)
        return self.ask(f"{parts.path}?{parts.query}", method, body, {"Host": parts.netloc, **headers})

    def send_raw(self, request: bytes, limit_s: float = 5.0) -> bytes:
        """Send bytes as they are, and read until the edge closes; b'' when it says nothing."""
        with socket.create_connection(("127.0.0.1", self.config.port), timeout=limit_s) as connection:
            connection.sendall(request)
            got = b""
            try:
                while chunk := connection.recv(65536):
                    got += chunk
            except ConnectionResetError:
                return got
            return got

    def send_until(self, request: bytes, mark: bytes, limit_s: float = 5.0) -> bytes:
        """Send bytes as they are, and read until `mark` came; raises TimeoutError when it does not."""
        with socket.create_connection(("127.0.0.1", self.config.port), timeout=limit_s) as connection:
            connection.sendall(request)
            got = b""
            while mark not in got:
                chunk = connection.recv(65536)
                if not chunk:
                    raise RuntimeError(f"closed without {mark!r}: {got!r}")
                got += chunk
            return got


@contextmanager
def running_edge(folder: Path, env: Mapping[str, str], origin_port: int, **changes: Any) -> Iterator[EdgeServer]:
    """Run an edge before the origin and the storage of `env` (a stack's settings)."""
    port = own_ports(["edge"])["edge"]
    static = folder / "static"
    static.mkdir(parents=True, exist_ok=True)
    run = folder / "run"
    config = replace(
        EdgeConfig(
            bind="127.0.0.1",
            port=port,
            public_url="https://ments.example",
            api_address=f"127.0.0.1:{origin_port}",
            storage_url=env["S3_ENDPOINT_URL"],
            bucket=env["S3_BUCKET"],
            region=env["S3_REGION"],
            s3_access_key=env["AWS_ACCESS_KEY_ID"],
            s3_secret_key=env["AWS_SECRET_ACCESS_KEY"],
            signing_keys=SIGNING_KEYS,
            edge_secret=EDGE_SECRET,
            allowed_hosts=allowed_hosts("https://ments.example", "127.0.0.1"),
            static_root=static,
            cache_dir=run / "cache",
            temp_dir=run / "temp",
            pid_path=run / "nginx.pid",
            error_log_path=folder / "error.log",
            access_log_path=folder / "access.log",
            upload_max_bytes=20_000_000,
            # The test's folder is open to its owner only.
            user="root root" if os.geteuid() == 0 else "",
        ),
        **changes,
    )
    asyncio.run(nginx.prepare_edge(config, run, None))
    command = nginx.command(find_programs(os.environ).edge, run)
    output = folder / "output.log"
    with output.open("wb") as log:
        process = subprocess.Popen(command.argv, cwd=command.cwd, env=command.env, stdout=log, stderr=log)
    try:
        _wait_for(port, process, output)
        yield EdgeServer(config)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nginx did not start: {output.read_text()}") from None
            time.sleep(0.02)
