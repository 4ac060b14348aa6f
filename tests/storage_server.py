"""A SeaweedFS of a test's own, and a receiver that writes down what it was told."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ments.settings import Settings, read_settings
from ments.stack.model import NotReady
from ments.stack.programs import find_programs
from ments.stack.recipes.seaweedfs import PORTS, Storage, prepare_storage, storage_works
from ments.storage import render_notification_toml
from own_ports import own_ports

TOKEN = "notification-token"


@dataclass
class Receiver:
    """Takes POSTs, answers `status`, and keeps (authorization, body) of each."""

    status: int = 200
    received: list[tuple[str, bytes]] = field(default_factory=list)
    port: int = field(default_factory=lambda: own_ports(["receiver"])["receiver"])

    @contextmanager
    def running(self) -> Iterator[None]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                receiver.received.append((self.headers.get("authorization", ""), body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name of http.server)
                return

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


@contextmanager
def running_storage(folder: Path, receiver: Receiver) -> Iterator[Settings]:
    """Run SeaweedFS, telling `receiver` of new objects; answers settings that reach it."""
    storage = Storage(
        program=find_programs(os.environ).storage,
        data=folder / "data",
        run=folder / "run",
        ports=own_ports(PORTS),
        bucket="ments-media",
        region="us-east-1",
        access_key="test-access",
        secret_key="test-secret",
        notification_toml=render_notification_toml(f"http://127.0.0.1:{receiver.port}/hook", TOKEN, "ments-media"),
    )
    asyncio.run(prepare_storage(storage))
    command = storage.command()
    log_path = folder / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(command.argv, cwd=command.cwd, env=command.env, stdout=log, stderr=log)
    try:
        _wait_until_it_works(storage, process, log_path)
        yield read_settings(
            {
                "MENTS_HOME": str(folder),
                "SECRET_KEY": "s" * 32,
                "MEDIA_SIGNING_KEYS": "key",
                "DATABASE_URL": "postgresql://not-used",
                "REDIS_URL": "redis://not-used",
                "S3_ENDPOINT_URL": storage.url,
                "AWS_ACCESS_KEY_ID": storage.access_key,
                "AWS_SECRET_ACCESS_KEY": storage.secret_key,
            }
        )
    finally:
        # Its data are thrown away: a clean stop can take 25 s.
        process.kill()
        process.wait(10)


def _wait_until_it_works(storage: Storage, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            asyncio.run(storage_works(storage))
            return
        except (NotReady, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"SeaweedFS did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)
