"""Every cache empty: each request asks for a page that nobody asked for before, by processes that keep nothing, while Valkey is emptied.

Members read `latest` from places drawn at random, so that the posts differ as well. Processes of the API with their own caches off
(`cold_app`) use a number of Valkey that is emptied ten times a second: session, page and cards come from Postgres through the pooler.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import urlopen
from uuid import UUID

import psycopg
from redis import Redis

from bench.feed.closed import CONNECTIONS, ROUNDS, SECONDS, Contender, measure
from bench.feed.peers import FASTIFY, NEXT, open_peer
from bench.feed.stage import SERVERS, Stage
from bench.jobs.cpu import cpu_seconds
from bench.jobs.place import family
from bench.record import Figure
from bench.stack import find_free_port
from ments.db.keyset import Place, encode_cursor
from ments.settings import read_settings

_NUMBER = "9"
_EMPTIED_EVERY_S = 0.1
_PLACES = 20_000
_START_S = 30


@dataclass(frozen=True)
class _Api:
    url: str
    pid: int
    stage: Stage

    def cpu_s(self) -> float:
        return cpu_seconds(family(self.pid)) + self.stage.cpu_s(*SERVERS)


def measure_cold(stage: Stage) -> dict[str, Figure]:
    """Ours, Fastify and Next.js in turns, all through the pooler."""
    redis_url = urlunsplit(urlsplit(stage.environ["REDIS_URL"])._replace(path=f"/{_NUMBER}"))
    drawn = _draw_places(stage)
    secret = read_settings(stage.environ).secret_for("cursor")
    ours = [f"/api/feed?kind=latest&cursor={encode_cursor(secret, 'feed:latest', place)}" for place in drawn]
    theirs = [f"/api/feed?kind=latest&cursor={int(place.at.timestamp() * 1e6)}_{place.id}" for place in drawn]
    with (
        _open_api(stage, redis_url) as api,
        open_peer(stage, FASTIFY, is_cold=True, redis_url=redis_url) as one,
        open_peer(stage, NEXT, is_cold=True, redis_url=redis_url) as other,
        _emptying(redis_url),
    ):
        cold = Contender("API, cold", api.url, ours, api.cpu_s, stage.tokens)
        fastify = Contender(one.name, one.url, theirs, one.cpu_s, stage.tokens)
        next_js = Contender(other.name, other.url, theirs, other.cpu_s, stage.tokens)
        measure([cold, fastify, next_js])
    how = (
        f"members, latest from {_PLACES:,} places drawn at random, nothing kept in the processes, Valkey emptied ten times a second,"
        f" {cold.kib:.0f} KiB; wrk, {CONNECTIONS} connections, {SECONDS} s x {ROUNDS} in turns, median; {stage.size};"
        f" load {os.getloadavg()[0]:.0f}; peers neither look for fragments nor keep any; Next.js {next_js.rate:,.0f}/s"
    )
    return {
        "feed/cold": Figure(
            round(cold.rate),
            "1/s",
            how,
            "1,300/s",
            f"Fastify {fastify.rate:,.0f}/s",
            round(cold.rate / fastify.rate, 2),
        ),
        "feed/cold_cpu": Figure(
            round(cold.cpu_us), "us of servers' CPU a request", how, "", f"Fastify {fastify.cpu_us:.0f}"
        ),
    }


def _draw_places(stage: Stage) -> list[Place]:
    with psycopg.connect(stage.environ["DATABASE_DIRECT_URL"], autocommit=True) as connection:
        rows: list[tuple[datetime, UUID]] = connection.execute(
            "select sorted_at, id from posts where status = 'published' and visibility = 'public' order by random() limit %s",
            (_PLACES,),
        ).fetchall()
    return [Place(at, post_id) for at, post_id in rows]


@contextmanager
def _open_api(stage: Stage, redis_url: str) -> Iterator[_Api]:
    port = find_free_port()
    environ = stage.environ | {"REDIS_URL": redis_url, "MENTS_ANSWER_KEPT_S": "0"}
    with (stage.home / "bench-cold.log").open("ab") as log:
        served = subprocess.Popen(
            [sys.executable, "-m", "bench.feed.served", "bench.feed.cold_app:create_asgi", str(port), "2"],
            env=environ,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + _START_S
        while not _answers(url):
            if time.monotonic() > deadline or served.poll() is not None:
                raise SystemExit("The cold API did not start.")
            time.sleep(0.2)
        yield _Api(url, served.pid, stage)
    finally:
        served.terminate()
        served.wait(timeout=20)


def _answers(url: str) -> bool:
    try:
        urlopen(f"{url}/api/health", timeout=5).close()
    except (HTTPError, URLError, OSError):
        return False
    return True


@contextmanager
def _emptying(redis_url: str) -> Iterator[None]:
    stop = threading.Event()

    def empty() -> None:
        with Redis.from_url(redis_url) as client:
            flush: Any = client.flushdb
            while not stop.wait(_EMPTIED_EVERY_S):
                flush()

    thread = threading.Thread(target=empty)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
