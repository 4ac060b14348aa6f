"""Metrics in Prometheus' form, on a port of their own.

`ments_` and a unit in every name. The API runs several processes: they share a folder of counters
(`share_between_processes`, before any of them starts), and whoever serves /metrics adds them up.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from wsgiref.simple_server import WSGIServer

import psutil
import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

log = structlog.get_logger()
_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

HTTP_SECONDS = Histogram(
    "ments_http_request_seconds",
    "Time from a request's head to the end of its answer.",
    ("method", "route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
HTTP_RUNNING = Gauge("ments_http_requests_running", "Requests being answered.", multiprocess_mode="livesum")
JOB_WAIT_SECONDS = Histogram(
    "ments_job_wait_seconds",
    "Time from a job's creation to the start of its first run.",
    ("queue", "task"),
    buckets=(0.005, 0.025, 0.1, 0.5, 2, 10, 60, 300, 1800),
)
JOB_RUN_SECONDS = Histogram(
    "ments_job_run_seconds",
    "Time of one run of a job, by how it ended: done, retried, failed, handed_back.",
    ("queue", "task", "outcome"),
    buckets=(0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3600),
)
JOBS_RUNNING = Gauge("ments_jobs_running", "Jobs being run.", ("queue",), multiprocess_mode="livesum")
JOBS_STALLED = Counter("ments_jobs_stalled_total", "Jobs taken back from a worker that stopped renewing.", ("queue",))
QUEUE_JOBS = Gauge("ments_queue_jobs", "Jobs in a queue, by state.", ("queue", "state"), multiprocess_mode="mostrecent")
OUTBOX_UNSENT = Gauge("ments_outbox_unsent", "Outbox rows not yet enqueued.", multiprocess_mode="mostrecent")
OUTBOX_AGE_SECONDS = Gauge(
    "ments_outbox_unsent_age_seconds", "Age of the oldest unsent outbox row.", multiprocess_mode="mostrecent"
)
OUTBOX_RELAYED = Counter("ments_outbox_relayed_total", "Rows that the relay sent because the commit's own try did not.")
PERIODIC_SECONDS = Histogram(
    "ments_periodic_run_seconds", "Time of a periodic task's run, by how it ended.", ("task", "outcome")
)
LOOP_LAG_SECONDS = Gauge(
    "ments_loop_lag_seconds", "How late the event loop woke up, at worst, of late.", multiprocess_mode="livemax"
)
DATABASE_POOL = Gauge(
    "ments_database_pool", "Connections and waiters of a pool.", ("pool", "what"), multiprocess_mode="livesum"
)
PAGE_CACHE = Counter("ments_page_cache_total", "Reads of the page cache, by where the page came from.", ("source",))


def share_between_processes(folder: Path) -> None:
    """Let this process's children count together, in an emptied `folder`; call before they start.

    prometheus_client reads the variable when it is first imported, so it reaches spawned children only.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    os.environ[_FOLDER_VARIABLE] = str(folder)


def serve_metrics(port: int) -> Callable[[], None]:
    """Serve /metrics on loopback from a thread; port 0 serves nothing. Returns what stops it.

    Raises OSError when the port is taken.
    """
    if not port:
        return lambda: None
    folder = os.environ.get(_FOLDER_VARIABLE)
    registry = REGISTRY if folder is None else _shared_registry(folder)
    server: WSGIServer
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

    def collect(self) -> object:
        for pid in {int(file.stem.rsplit("_", 1)[-1]) for file in self._folder.glob("gauge_live*_*.db")}:
            if not psutil.pid_exists(pid):
                mark_process_dead(pid, path=str(self._folder))  # type: ignore[no-untyped-call]  # theirs
        return super().collect()  # type: ignore[no-untyped-call]  # theirs


def _shared_registry(folder: str) -> CollectorRegistry:
    registry = CollectorRegistry()
    _LivingProcesses(registry, folder)
    return registry
