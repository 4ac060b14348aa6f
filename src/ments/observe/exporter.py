"""Serve /metrics on a port of its own, for one process or for several that count together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Metric, start_http_server, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

log = structlog.get_logger()
_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def share_between_processes(folder: Path) -> None:
    """Let this process and those it forks count together, in `folder`, which is emptied.

    Call it before anything is counted and before any fork. Metrics without labels stay the process's own.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    os.environ[_FOLDER_VARIABLE] = str(folder)
    # The library chooses when it is imported, which has been; what is labelled is made when it is first counted.
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]  # theirs


def serve_metrics(port: int) -> Callable[[], None]:
    """Serve /metrics on loopback from a thread; port 0 serves nothing. Returns what stops it.

    Raises OSError when the port is taken.
    """
    if not port:
        return lambda: None
    folder = os.environ.get(_FOLDER_VARIABLE)
    registry = REGISTRY if folder is None else _shared_registry(folder)
    server, thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    log.info("metrics_served", port=port)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(timeout=2)

    return stop


class _LivingProcesses(MultiProcessCollector):
    """Adds up the living; gauges of a process that was killed are dropped, since it could not do so itself."""

    def __init__(self, registry: CollectorRegistry, folder: str) -> None:
        self._folder = Path(folder)
        super().__init__(registry, path=folder)  # type: ignore[no-untyped-call]  # theirs

    def collect(self) -> Iterable[Metric]:
        for pid in {int(file.stem.rsplit("_", 1)[-1]) for file in self._folder.glob("gauge_live*_*.db")}:
            if not psutil.pid_exists(pid):
                mark_process_dead(pid, path=str(self._folder))  # type: ignore[no-untyped-call]  # theirs
        found: Iterable[Metric] = super().collect()  # type: ignore[no-untyped-call]  # theirs
        return found


def _shared_registry(folder: str) -> CollectorRegistry:
    registry = CollectorRegistry()
    _LivingProcesses(registry, folder)
    return registry
