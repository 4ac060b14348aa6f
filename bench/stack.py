"""The whole stack on this machine: time to ready from an empty home, memory and CPU at rest, time to the landing page's first byte.

Run: .venv/bin/python -m bench.stack [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from bench.record import Figure, record

MENTS = str(Path(sys.executable).parent / "ments")
SETTLE_S = 10.0
IDLE_S = 30.0
REQUESTS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = [measure_once() for _ in range(parser.parse_args().rounds)]
    median = {name: statistics.median(row[name] for row in rounds) for name in rounds[0]}
    how = f"median of {len(rounds)} rounds, empty home"
    record(
        {
            "stack/ready": Figure(median["ready_s"], "s", how, "15 s"),
            "stack/down": Figure(median["down_s"], "s", how, "15 s"),
            "stack/idle_pss": Figure(median["pss_mib"], "MiB", f"{how}; summed PSS of every process", "1200 MB"),
            "stack/idle_cpu": Figure(median["cpu_percent"], "% of one core", f"{how}; over {IDLE_S:.0f} s", "5%"),
            "stack/landing_ttfb_p50": Figure(
                median["ttfb_p50_ms"], "ms", f"{how}; {REQUESTS} requests, a connection each", "10 ms"
            ),
            "stack/landing_ttfb_p99": Figure(
                median["ttfb_p99_ms"], "ms", f"{how}; {REQUESTS} requests, a connection each"
            ),
        }
    )
    print(json.dumps(median, indent=2))


def measure_once() -> dict[str, float]:
    """One round in a home of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="ments-bench-") as home:
        Path(home).chmod(0o755)
        environ = {**os.environ, "MENTS_HOME": home, "MENTS_PORT": str(find_free_port())}
        started = time.monotonic()
        subprocess.run([MENTS, "up", "--detach"], env=environ, check=True, timeout=120)
        ready_s = time.monotonic() - started
        try:
            status = json.loads(
                subprocess.run([MENTS, "status", "--json"], env=environ, check=True, capture_output=True).stdout
            )
            waits = measure_ttfb(status["url"])
            time.sleep(SETTLE_S)
            processes = find_processes(home, status)
            before = cpu_seconds(processes)
            time.sleep(IDLE_S)
            cpu_percent = (cpu_seconds(processes) - before) / IDLE_S * 100
            pss_mib = sum(process.memory_full_info().pss for process in processes) / 2**20
        finally:
            stopping = time.monotonic()
            subprocess.run([MENTS, "down"], env=environ, check=True, timeout=60)
        return {
            "ready_s": ready_s,
            "down_s": time.monotonic() - stopping,
            "pss_mib": pss_mib,
            "cpu_percent": cpu_percent,
            "ttfb_p50_ms": statistics.median(waits) * 1000,
            "ttfb_p99_ms": statistics.quantiles(waits, n=100)[98] * 1000,
        }


def find_processes(home: str, status: dict[str, Any]) -> list[psutil.Process]:
    """Everything that a stack runs: what `ments status` names, whoever has this home in its environment, and all below them."""
    roots = [psutil.Process(row["pid"]) for part in status["parts"].values() for row in part["processes"] if row["pid"]]
    roots += [p for p in psutil.process_iter(["environ"]) if (p.info["environ"] or {}).get("MENTS_HOME") == home]
    family = {process.pid: process for root in roots for process in [root, *root.children(recursive=True)]}
    return [process for process in family.values() if process.pid != os.getpid()]


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def measure_ttfb(url: str) -> list[float]:
    """Seconds from connecting to the first byte of the landing page, one connection a request."""
    address = urlsplit(url)
    request = f"GET / HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode()
    waits = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        with socket.create_connection((address.hostname or "127.0.0.1", address.port or 80), timeout=10) as connection:
            connection.sendall(request)
            connection.recv(1)
            waits.append(time.perf_counter() - started)
        time.sleep(0.02)
    return waits


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
