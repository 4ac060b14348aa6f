"""What waiting costs: CPU of each process while nothing comes, and the pickups that follow."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from bench.jobs.pickup import Pair, measure
from bench.jobs.program import Program

IDLE_S = 60.0


def measure_idle(
    pairs: Sequence[Pair], processes: Mapping[str, Program], times: int, jobs: int, idle_s: float = IDLE_S
) -> dict[str, float]:
    """Rest, then a burst of single jobs, several times. Returns each process' CPU at rest in per cent of a core."""
    spent = dict.fromkeys(processes, 0.0)
    for _ in range(times):
        before = {name: program.cpu_seconds() for name, program in processes.items()}
        time.sleep(idle_s)
        for name, program in processes.items():
            spent[name] += program.cpu_seconds() - before[name]
        for pair in pairs:
            measure(pair, jobs, pair.rested, rested=True)
    return {name: cpu_s / (times * idle_s) * 100 for name, cpu_s in spent.items()}
