"""Where it is measured: a private stack in a temporary home, with a database and Valkey numbers of the bench's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
from redis import Redis

from bench.jobs.cpu import cpu_seconds
from bench.stack import find_free_port
from ments.db.migrate import run_migrations
from ments.settings import SETTINGS, read_env_file
from ments.stack.home import Home

MENTS = [sys.executable, "-m", "ments"]
DATABASE = "bench_jobs"
OURS_NUMBER, PEERS_NUMBER = 1, 2
SERVERS = ("postgres", "pgbouncer", "valkey")
_QUEUE_LISTS = ("wait", "paused", "active")
_QUEUE_SETS = ("prioritized", "delayed")


@dataclass(frozen=True)
class Place:
    """The servers, and how a process of the bench reaches them. `environ` holds secrets: it is never printed."""

    home: Path
    environ: dict[str, str]
    peers_url: str
    roots: dict[str, int]

    @property
    def ours_url(self) -> str:
        return self.environ["REDIS_URL"]

    def server_cpu(self) -> dict[str, float]:
        """CPU seconds of each server so far, its children and those that have ended included."""
        return {name: cpu_seconds(family(pid)) for name, pid in self.roots.items()}

    def query(self, statement: str) -> Any:
        """One value out of the bench's database, past the pooler."""
        with psycopg.connect(self.environ["DATABASE_DIRECT_URL"], autocommit=True) as connection:
            row = connection.execute(statement).fetchone()
        return row[0] if row else None

    def count_entries(self, url: str, queue: str) -> int:
        """Jobs that lie in a queue and have not ended."""
        with Redis.from_url(url) as client, client.pipeline(transaction=False) as pipe:
            for name in _QUEUE_LISTS:
                pipe.llen(f"bull:{queue}:{name}")
            for name in _QUEUE_SETS:
                pipe.zcard(f"bull:{queue}:{name}")
            return sum(pipe.execute())

    def empty(self) -> None:
        """Take every job away, ours and the peers'."""
        with psycopg.connect(self.environ["DATABASE_DIRECT_URL"], autocommit=True) as connection:
            connection.execute("truncate jobs, outbox")
        for url in (self.ours_url, self.peers_url):
            with Redis.from_url(url) as client:
                client.flushdb()

    def empty_valkey(self) -> None:
        """What a Valkey without persistence does when it is started again: everything is gone."""
        with Redis.from_url(self.ours_url) as client:
            client.flushall()


def family(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


@contextmanager
def open_place() -> Iterator[Place]:
    """Start a stack, make the bench's database in it, and stop and remove everything at the end."""
    with tempfile.TemporaryDirectory(prefix="ments-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        ours = {setting.name for setting in SETTINGS if not setting.name.endswith("_BIN")}
        clean = {name: value for name, value in os.environ.items() if name not in ours}
        port = str(find_free_port())
        try:
            subprocess.run(
                [*MENTS, "up", "--detach", "--home", folder, "--port", port], env=clean, check=True, timeout=120
            )
            yield _lay_out(home, clean)
        finally:
            subprocess.run([*MENTS, "down", "--home", folder], env=clean, check=True, timeout=60)


def _lay_out(home: Path, clean: dict[str, str]) -> Place:
    running = read_env_file(home / "run" / "env")
    password = Home(home).secrets()["POSTGRES_SUPERUSER_PASSWORD"]
    direct = urlsplit(running["DATABASE_DIRECT_URL"])
    superuser = f"postgresql://postgres:{password}@{direct.hostname}:{direct.port}/postgres"
    with psycopg.connect(superuser, autocommit=True) as admin:
        admin.execute(f"create database {DATABASE} owner ments")
    environ = clean | {
        **running,
        "MENTS_HOME": str(home),
        "MENTS_METRICS_PORT": "0",
        "DATABASE_URL": _with_path(running["DATABASE_URL"], DATABASE),
        "DATABASE_DIRECT_URL": _with_path(running["DATABASE_DIRECT_URL"], DATABASE),
        # Not '': an empty value would be filled from the home's run/env, with the replica of another database.
        "DATABASE_REPLICA_URLS": _with_path(running["DATABASE_URL"], DATABASE),
        "REDIS_URL": _with_path(running["REDIS_URL"], str(OURS_NUMBER)),
    }
    run_migrations(environ["DATABASE_DIRECT_URL"])
    status = json.loads(
        subprocess.run([*MENTS, "status", "--json", "--home", str(home)], check=True, capture_output=True).stdout
    )
    roots = {name: int(status["parts"][name]["pid"]) for name in SERVERS}
    return Place(home, environ, _with_path(running["REDIS_URL"], str(PEERS_NUMBER)), roots)


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
