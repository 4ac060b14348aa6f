"""Figures that are looked at now and then, not counted as they happen: pools, memory, processor time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import psutil

from ments.observe.metrics import DATABASE_POOL, PROCESS_BYTES, PROCESS_CPU_SECONDS

_EVERY_S = 5.0
_SHOWN = ("pool_size", "pool_available", "requests_waiting")


class _Sampled:
    service = "ments"
    due = 0.0
    pools: dict[str, Callable[[], Mapping[str, int]]] = {}  # noqa: RUF012 (one a process)


def watch_pool(name: str, stats: Callable[[], Mapping[str, int]]) -> None:
    """Show a pool of connections in the metrics; `stats` gives psycopg_pool's figures. The last of a name counts."""
    _Sampled.pools[name] = stats


def name_service(service: str) -> None:
    """Say which part this process is."""
    _Sampled.service = service


def sample_if_due() -> None:
    """Take the figures when the last time is five seconds ago; cheap otherwise."""
    now = time.monotonic()
    if now < _Sampled.due:
        return
    _Sampled.due = now + _EVERY_S
    process = psutil.Process()
    with process.oneshot():
        PROCESS_BYTES.labels(_Sampled.service).set(process.memory_info().rss)
        times = process.cpu_times()
        PROCESS_CPU_SECONDS.labels(_Sampled.service).set(times.user + times.system)
    for name, stats in _Sampled.pools.items():
        figures = stats()
        for what in _SHOWN:
            DATABASE_POOL.labels(name, what).set(figures.get(what, 0))
