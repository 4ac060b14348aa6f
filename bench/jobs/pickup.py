"""How soon an idle worker starts a job: in steady light traffic, and after a minute in which nothing came."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from bench.jobs.contenders import Contender
from bench.jobs.program import Program

_LATE_LIMIT_S = 20.0


@dataclass
class Pickups:
    """Seconds from the commit (or the call of `add`) to the first line of the task, of one contender.

    whole  from before the transaction began
    first  of the first job after each idle time
    """

    waits: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)

    def percentile_ms(self, percent: int) -> float:
        return statistics.quantiles(self.waits, n=100)[percent - 1] * 1000


@dataclass(frozen=True)
class Pair:
    """A producer, the worker that it feeds, and what was measured between them."""

    contender: Contender
    producer: Program
    worker: Program
    steady: Pickups = field(default_factory=Pickups)
    rested: Pickups = field(default_factory=Pickups)


def measure(pair: Pair, jobs: int, into: Pickups, *, rested: bool = False) -> None:
    """Add jobs 20 to 120 ms apart and note how long each waited."""
    keys = [str(uuid4()) for _ in range(jobs)]
    pair.worker.take_reports()
    sent = pair.producer.ask(do="time", keys=keys, seed=len(into.waits))["sent"]
    started: dict[str, float] = {}
    deadline = time.monotonic() + _LATE_LIMIT_S
    while len(started) < jobs:
        left_s = max(0.01, deadline - time.monotonic())
        report = pair.worker.wait_for(lambda report: report.get("started") in sent, left_s)
        started.setdefault(report["started"], report["at"])
    for number, key in enumerate(keys):
        began, known = sent[key]
        # The start may come before the producer hears of its own commit.
        into.waits.append(max(0.0, started[key] - known))
        into.whole.append(started[key] - began)
        if rested and number == 0:
            into.first.append(into.waits[-1])


def measure_all(pairs: Sequence[Pair], rounds: int, jobs: int) -> None:
    """Rounds in turn, one contender after the other, so that what else runs here meets all of them."""
    for _ in range(rounds):
        for pair in pairs:
            measure(pair, jobs, pair.steady)
