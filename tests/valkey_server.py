"""A Valkey that a test may kill and start again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from ments.stack.programs import find_programs


class ValkeyServer:
    """One server on a free port, with its data in a folder; `start` comes back when it answers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port: int = found.getsockname()[1]
        self.url = f"redis://:testpw@127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._folder),
            "appendonly": "yes",
            # What it answered outlives it: the system has it by then. Only a power cut would lose it, and a slow disk delays nobody.
            "appendfsync": "no",
            "requirepass": "testpw",
            "maxmemory-policy": "noeviction",
            "save": "",
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        log = (self._folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [str(find_programs(os.environ).valkey), *words], stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 10
        with Redis.from_url(self.url, socket_timeout=1) as client:
            while True:
                try:
                    client.ping()
                    return
                except RedisError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)

    def freeze(self) -> None:
        """Stand still, with every connection open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
