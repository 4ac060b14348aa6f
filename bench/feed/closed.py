"""Closed loops with wrk, several contenders in turns: requests/s, latency, and what the servers spent on each request."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECONDS, ROUNDS, CONNECTIONS = 10, 3, 32
_WARM_S = 2
_REQUESTS = Path(__file__).with_name("requests.lua")


@dataclass
class Contender:
    """Somebody who is asked.

    url    scheme, host and port; cpu_s  CPU seconds that its servers have spent so far
    tokens a file of bearer tokens, None for visitors
    """

    name: str
    url: str
    paths: Sequence[str]
    cpu_s: Callable[[], float]
    tokens: Path | None = None
    rounds: list[Round] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(one.rate for one in self.rounds)

    @property
    def p99_ms(self) -> float:
        return statistics.median(one.p99_ms for one in self.rounds)

    @property
    def cpu_us(self) -> float:
        return statistics.median(one.cpu_us for one in self.rounds)

    @property
    def kib(self) -> float:
        return statistics.median(one.kib for one in self.rounds)

    def describe(self) -> str:
        rates = " ".join(f"{one.rate:,.0f}" for one in self.rounds)
        return (
            f"{self.name:18} {self.rate:9,.0f}/s ({rates})  p99 {self.p99_ms:7.2f} ms"
            f"  {self.cpu_us:7.0f} us of servers' CPU a request  {self.kib:5.1f} KiB"
        )


@dataclass(frozen=True)
class Round:
    """One loop: requests/s, ms, CPU of the servers a request in us, KiB an answer with its head."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    kib: float


def measure(contenders: Sequence[Contender], *, seconds: int = SECONDS, rounds: int = ROUNDS) -> None:
    """Ask each contender in turn, so that what else the machine does falls on all of them. Raises SystemExit where one errs."""
    for contender in contenders:
        run_wrk(contender, _WARM_S)
    for _ in range(rounds):
        for contender in contenders:
            contender.rounds.append(run_wrk(contender, seconds))
    for contender in contenders:
        print(f"  {contender.describe()}  load {os.getloadavg()[0]:.1f}", flush=True)


def run_wrk(contender: Contender, seconds: int) -> Round:
    """One loop of one thread and 32 connections."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("The bench needs wrk: apt-get install wrk")
    with tempfile.NamedTemporaryFile("w", prefix="ments-paths-") as paths:
        paths.write("\n".join(contender.paths))
        paths.flush()
        command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "5s", "-s", str(_REQUESTS)]
        command += [contender.url, "--", paths.name, *([str(contender.tokens)] if contender.tokens else [])]
        before = contender.cpu_s()
        ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60)
        spent_s = contender.cpu_s() - before
    told = json.loads(ran.stdout.strip().splitlines()[-1])
    if told["refused"] or told["broken"] or not told["requests"]:
        raise SystemExit(f"{contender.name}: {told['refused']} refused, {told['broken']} broken of {told['requests']}.")
    n = told["requests"]
    return Round(
        n / told["us"] * 1e6, told["p50_us"] / 1000, told["p99_us"] / 1000, spent_s / n * 1e6, told["bytes"] / n / 1024
    )
