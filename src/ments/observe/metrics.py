"""What is counted, in Prometheus' form: `ments_` and a unit in every name; exporter.py serves it.

Metrics that the API counts have labels: only those can be shared between its processes (see exporter.py).
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

HTTP_SECONDS = Histogram(
    "ments_http_request_seconds",
    "Time from a request's head to the end of its answer.",
    ("method", "route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


def count_answers(method: str, route: str, status: int, n: int, seconds: float) -> None:
    """Count n quick answers in `HTTP_SECONDS` at once, each as long as they took on average.

    The library has no word for that, and a call for each would take longer than what it times.
    """
    histogram = HTTP_SECONDS.labels(method, route, str(status))
    bucket = next(k for k, most in enumerate(histogram._upper_bounds) if seconds / n <= most)
    histogram._buckets[bucket].inc(n)
    histogram._sum.inc(seconds)


HTTP_RUNNING = Gauge(
    "ments_http_requests_running", "Requests being answered.", ("method",), multiprocess_mode="livesum"
)
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
JOBS_DIED = Counter("ments_jobs_died_total", "Jobs that became dead letters.", ("queue", "task", "code"))
JOBS_DUPLICATE = Counter(
    "ments_jobs_duplicate_total",
    "Entries and runs that were passed over, by why: the job ran or runs elsewhere.",
    ("queue", "reason"),
)
JOBS_STALLED = Counter("ments_jobs_stalled_total", "Jobs taken back from a worker that stopped renewing.", ("queue",))
QUEUE_JOBS = Gauge("ments_queue_jobs", "Jobs in a queue, by state.", ("queue", "state"), multiprocess_mode="mostrecent")
LEDGER_JOBS = Gauge(
    "ments_ledger_jobs",
    "Jobs of the ledger that have not ended well, by state: accepted, queued, running, dead.",
    ("queue", "state"),
    multiprocess_mode="mostrecent",
)
LEDGER_OLDEST_SECONDS = Gauge(
    "ments_ledger_oldest_seconds",
    "How long the job that has waited longest has been due; 0 when none waits.",
    ("queue",),
    multiprocess_mode="mostrecent",
)
JOBS_RELAYED = Counter(
    "ments_jobs_relayed_total",
    "Jobs that the relay enqueued because the process that accepted them did not.",
    ("queue",),
)
JOBS_MENDED = Counter(
    "ments_jobs_mended_total",
    "Jobs that were set going again, by what had become of them: run_silent, entry_missing, entry_ended, entry_stuck, foreign_turn.",
    ("cause",),
)
UPLOADS_PUT_OFF = Counter(
    "ments_uploads_put_off_total",
    "Uploads that were refused for a while since too many media wait, by which bound: depth, age.",
    ("reason",),
)
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
FRAGMENT_CACHE = Counter(
    "ments_card_fragments_total", "Cards' shared parts, by where they came from: memory, valkey, made.", ("source",)
)
FEED_AUDITED = Counter(
    "ments_feed_audited_total",
    "Timelines and cached pages that were compared with plain SQL, by what they came to: same, differs.",
    ("what", "outcome"),
)
FEED_DIVERGENCE = Gauge(
    "ments_feed_divergence_entries",
    "Posts in which the timelines and pages that were compared last differ from plain SQL.",
    ("what",),
    multiprocess_mode="mostrecent",
)
PROCESS_BYTES = Gauge(
    "ments_process_resident_bytes",
    "Resident memory of the part's processes.",
    ("service",),
    multiprocess_mode="livesum",
)
PROCESS_CPU_SECONDS = Gauge(
    "ments_process_cpu_seconds", "Processor time of the part's processes.", ("service",), multiprocess_mode="livesum"
)
