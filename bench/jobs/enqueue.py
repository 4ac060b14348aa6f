"""What adding a job costs: ours with its transaction, the peers without one."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.jobs.contenders import Contender
from bench.jobs.place import Place
from bench.jobs.program import Program

# mode -> (jobs in a round, at once or in bulk)
MODES = {"serial": (500, 1), "at_once": (1500, 16), "bulk": (3000, 100)}
_SETTLE_LIMIT_S = 20.0


@dataclass
class Added:
    """One contender in one mode; a value a round.

    rate     jobs/s until the last call returned (ours: the commit)
    settled  jobs/s until every job lay in the queue
    cpu_s    CPU seconds for 1,000 jobs, of the client and of each server (ours: until the ledger knows them queued)
    """

    rate: list[float] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    cpu_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def cpu_text(self) -> str:
        """The medians, for people."""
        return ", ".join(f"{part} {statistics.median(values):.2f}" for part, values in self.cpu_s.items())


def measure_round(
    place: Place, producers: Mapping[Contender, Program], into: Mapping[str, Mapping[str, Added]]
) -> None:
    """Each mode with each contender once, into {mode: {contender's name: Added}}."""
    for mode in MODES:
        for contender, producer in producers.items():
            place.empty()
            _measure(place, contender, producer, mode, into[mode][contender.name])
    place.empty()


def _measure(place: Place, contender: Contender, producer: Program, mode: str, into: Added) -> None:
    jobs, width = MODES[mode]
    client, servers = producer.cpu_seconds(), place.server_cpu()
    started = time.monotonic()
    took_s = producer.ask(do="add", jobs=jobs, mode=mode, width=width)["seconds"]
    wait_for_entries(place, contender, jobs)
    settled_s = time.monotonic() - started
    wait_until_settled(place, contender, jobs)
    into.rate.append(jobs / took_s)
    into.settled.append(jobs / settled_s)
    into.cpu_s["client"].append((producer.cpu_seconds() - client) / jobs * 1000)
    for name, spent in place.server_cpu().items():
        into.cpu_s[name].append((spent - servers[name]) / jobs * 1000)


def wait_until_settled(place: Place, contender: Contender, jobs: int) -> None:
    """Wait until `jobs` entries lie in the queue and our ledger knows it. Raises TimeoutError."""
    wait_for_entries(place, contender, jobs)
    deadline = time.monotonic() + _SETTLE_LIMIT_S
    while contender.ours and place.query("select count(*) from jobs where state = 'accepted'"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"The ledger does not know the entries after {_SETTLE_LIMIT_S} s.")
        time.sleep(0.05)


def wait_for_entries(place: Place, contender: Contender, jobs: int) -> None:
    """Wait until `jobs` entries lie in the queue. Raises TimeoutError."""
    deadline = time.monotonic() + _SETTLE_LIMIT_S
    while (found := place.count_entries(contender.url(place), contender.queue)) < jobs:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{contender.name}: {found} of {jobs} jobs lie in the queue after {_SETTLE_LIMIT_S} s.")
        time.sleep(0.005)
