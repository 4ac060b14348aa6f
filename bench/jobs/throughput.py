"""No-op jobs through one worker process, prefilled, and where its time goes."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.jobs.contenders import OURS, Contender
from bench.jobs.enqueue import wait_until_settled
from bench.jobs.fleet import open_fleet
from bench.jobs.place import Place

# The first jobs connect, compile and load; they are not counted.
WARMING = 200
CONCURRENCIES = (1, 8, 16)
_RUN_LIMIT_S = 60.0


@dataclass
class Ran:
    """One contender at one concurrency; a value a round. CPU in microseconds a job."""

    rate: list[float] = field(default_factory=list)
    cpu_us: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def cpu_text(self) -> str:
        """The medians, for people."""
        return ", ".join(f"{part} {statistics.median(values):.0f}" for part, values in self.cpu_us.items())


def measure_round(
    place: Place,
    contenders: Sequence[Contender],
    jobs: int,
    into: Mapping[int, Mapping[str, Ran]],
) -> None:
    """Each concurrency with each contender once, into {concurrency: {contender's name: Ran}}."""
    for concurrency in into:
        for contender in contenders:
            run_through(place, contender, concurrency, jobs, into[concurrency][contender.name])


def run_through(
    place: Place, contender: Contender, concurrency: int, jobs: int, into: Ran, *, sample: bool = False
) -> dict[str, Any]:
    """Prefill, start one worker, and take the time between two of its runs. Returns its samples, {} without `sample`."""
    with open_fleet(place) as fleet:
        if contender.ours:
            fleet.start(contender, "relay")
        producer = fleet.start(contender, "producer")
        producer.ask(do="add", jobs=jobs + WARMING, mode="bulk", width=100)
        wait_until_settled(place, contender, jobs + WARMING)
        worker = fleet.start(
            contender,
            "worker",
            concurrency=concurrency,
            marks=f"{WARMING},{WARMING + jobs}",
            sample="1" if sample else None,
        )
        first = worker.wait_for(lambda report: "mark" in report, _RUN_LIMIT_S)
        before = place.server_cpu()
        last = worker.wait_for(lambda report: "mark" in report, _RUN_LIMIT_S)
        after = place.server_cpu()
        into.rate.append(jobs / (last["at"] - first["at"]))
        into.cpu_us["worker"].append((last["cpu_s"] - first["cpu_s"]) / jobs * 1e6)
        for name, spent in after.items():
            into.cpu_us[name].append((spent - before[name]) / jobs * 1e6)
        _wait_until_done(place, contender)
        found: dict[str, Any] = last.get("samples", {})
        return found


def _wait_until_done(place: Place, contender: Contender) -> None:
    """See that every job has really ended. Raises TimeoutError."""
    deadline = time.monotonic() + 10
    while place.count_entries(contender.url(place), contender.queue) or (
        contender is OURS and place.query("select count(*) from jobs where state <> 'done'")
    ):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{contender.name}: jobs are left.")
        time.sleep(0.02)
