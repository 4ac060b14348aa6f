"""What runs cost: CPU seconds of children, wall, and the largest memory of one of them.

Bubblewrap ends before the first process of its jail does, so nobody waits for that one and its CPU time is lost to
getrusage. This process takes such orphans over, its workers' too, and waits for them.
"""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU (user and system, all descendants that were waited for) and wall, in s."""

    cpu_s: float = 0.0
    wall_s: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s)


class Clock:
    """Measures what the children of this process spend from now on; nothing else may run below it meanwhile."""

    def __init__(self) -> None:
        self._cpu_s, self._started = children_cpu_s(), time.monotonic()

    def read(self) -> Spent:
        wall_s = time.monotonic() - self._started
        return Spent(children_cpu_s() - self._cpu_s, wall_s)


def take_orphans() -> None:
    """Call this once, before anything is started."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def end_jails() -> float:
    """Wait for the jails that were left to this process; returns the most memory (MiB, resident) of a process in them."""
    most = 0.0
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess, ChildProcessError):
            if child.name() == "bwrap":
                most = max(most, os.wait4(child.pid, 0)[2].ru_maxrss / 1024)
    return most


def children_cpu_s() -> float:
    """User and system time of all that has ended below this process, in s."""
    end_jails()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_all(commands: Iterable[Sequence[str]], *, timeout_s: float = 300) -> Spent:
    """Run commands one after another, each of which must end well."""
    clock = Clock()
    for command in commands:
        subprocess.run(command, check=True, timeout=timeout_s, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return clock.read()


def median(spent: Sequence[Spent]) -> Spent:
    return Spent(statistics.median(one.cpu_s for one in spent), statistics.median(one.wall_s for one in spent))
