"""CPU time of processes, read from /proc to the nanosecond."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Seconds that these processes have run on a core, with those of their children that have ended."""
    return sum(_of_one(process.pid) for process in processes)


def _of_one(pid: int) -> float:
    folder = Path(f"/proc/{pid}")
    try:
        threads = [int((task / "schedstat").read_text().split()[0]) for task in (folder / "task").iterdir()]
        # After the name, which may hold spaces: cutime and cstime are the 14th and 15th field.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it has just ended, and its parent counts it
    return sum(threads) / 1e9 + (int(fields[13]) + int(fields[14])) / _TICKS
