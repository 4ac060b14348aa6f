"""How long a job stands still: after its worker was killed with -9, and after Valkey was emptied."""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

from bench.jobs.contenders import DEFAULTS, NODE_BULLMQ, OURS, PLAIN, Contender
from bench.jobs.fleet import Fleet, open_fleet, warm
from bench.jobs.place import Place
from bench.jobs.program import Program

_RERUN_LIMIT_S = 120.0
_POLL_S = 0.02
_LOOK_S = 0.1


def measure_killed(place: Place, times: int) -> dict[str, float]:
    """Seconds from kill -9 of a worker to the next run of the job it had, another worker being idle: {name: median}.

    The contenders wait side by side; the one that takes longest does all of its rounds at once, on queues of its own.
    """
    with (
        open_fleet(place) as fleet,
        tempfile.TemporaryDirectory(prefix="ments-bench-once-") as folder,
        ThreadPoolExecutor() as pool,
    ):
        fleet.start(OURS, "relay")
        series = [
            pool.submit(_kill_in_turn, fleet, contender, Path(folder), times)
            for contender in (OURS, PLAIN, NODE_BULLMQ)
        ]
        apart = [pool.submit(_kill_in_turn, fleet, DEFAULTS, Path(folder), 1, f"-{n}") for n in range(times)]
        found = {
            name: statistics.median(future.result())
            for name, future in zip(("ours", "plain", "node"), series, strict=True)
        }
        return found | {"defaults": statistics.median(future.result()[0] for future in apart)}


def _kill_in_turn(fleet: Fleet, contender: Contender, folder: Path, times: int, series: str = "") -> list[float]:
    producer = fleet.start(contender, "producer", series=series)
    workers = [fleet.start(contender, "worker", series=series, concurrency=4) for _ in range(2)]
    waits = []
    for _ in range(times):
        key = str(uuid4())
        producer.ask(do="hold", key=key, once=str(folder / key), hold_s=240)
        holder, _ = _next_start(workers, key)
        # Not at once: the lock and the heartbeat have then just been made.
        time.sleep(2)
        killed = time.monotonic()
        fleet.kill(holder)
        workers.remove(holder)
        _, at = _next_start(workers, key)
        waits.append(at - killed)
        workers.append(fleet.start(contender, "worker", series=series, concurrency=4))
    fleet.stop(producer, *workers)
    return waits


def _next_start(workers: list[Program], key: str) -> tuple[Program, float]:
    """Which worker starts the job next, and when. Raises TimeoutError."""
    deadline = time.monotonic() + _RERUN_LIMIT_S
    while time.monotonic() < deadline:
        for worker in workers:
            for report in worker.take_reports():
                if report.get("started") == key:
                    return worker, report["at"]
        time.sleep(_POLL_S)
    raise TimeoutError(f"The job did not start within {_RERUN_LIMIT_S} s.")


def measure_emptied(place: Place, times: int, jobs: int = 200, slots: int = 8) -> tuple[float, float]:
    """Empty Valkey under a worker whose slots are all taken and behind which jobs wait.

    Returns seconds from then to the first and to the last of the waiting jobs' starts (medians). Raises RuntimeError
    when one ran twice or is not done in the ledger.
    """
    rounds = [_empty_once(place, jobs, slots) for _ in range(times)]
    return statistics.median(first for first, _ in rounds), statistics.median(last for _, last in rounds)


def _empty_once(place: Place, jobs: int, slots: int) -> tuple[float, float]:
    keys = {str(uuid4()) for _ in range(jobs)}
    with open_fleet(place) as fleet, tempfile.TemporaryDirectory(prefix="ments-bench-once-") as folder:
        fleet.start(OURS, "relay")
        producer = fleet.start(OURS, "producer")
        worker = fleet.start(OURS, "worker", concurrency=slots)
        warm(producer, worker)
        for number in range(slots):
            producer.ask(do="hold", key=f"held-{number}", once=f"{folder}/{number}", hold_s=5)
        producer.ask(do="time", keys=sorted(keys), seed=None)
        emptied = time.monotonic()
        place.empty_valkey()
        started: dict[str, float] = {}
        while len(started) < jobs:
            report = worker.wait_for(lambda report: report.get("started") in keys, _RERUN_LIMIT_S)
            if report["started"] in started:
                raise RuntimeError("A job ran twice.")
            started[report["started"]] = report["at"]
        deadline = time.monotonic() + 10
        while place.query("select count(*) from jobs where state <> 'done'"):
            if time.monotonic() > deadline:
                raise RuntimeError("Jobs are left in the ledger.")
            time.sleep(_LOOK_S)
    return min(started.values()) - emptied, max(started.values()) - emptied
