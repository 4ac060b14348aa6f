"""What is recorded: ours beside the peers, the ratio being to plain Python `bullmq` set right."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from bench.jobs.enqueue import MODES, Added
from bench.jobs.pickup import Pair, Pickups
from bench.jobs.throughput import Ran
from bench.record import Figure

_LABELS = {"plain": "plain Python", "defaults": "plain Python as it comes", "node": "Node"}
_MODES = {
    "serial": "one after the other, a transaction each",
    "at_once": "16 at once, a transaction each",
    "bulk": "100 in one transaction (peers: addBulk)",
}


def _beside(values: Mapping[str, float], unit: str) -> str:
    return ", ".join(f"{_LABELS[name]} {value:.3g}{unit}" for name, value in values.items() if name in _LABELS)


def _figure(values: Mapping[str, float], unit: str, how: str, bar: str = "") -> Figure:
    """Ours first, beside what the peers took in the same run."""
    plain = values.get("plain")
    ratio = values["ours"] / plain if plain else None
    return Figure(values["ours"], unit, how, bar, _beside(values, f" {unit}"), ratio)


def of_pickups(pairs: Sequence[Pair]) -> dict[str, Figure]:
    """The wait of a job for an idle worker: from the commit (peers: the call of add) to the task's first line."""

    def values(pick: Callable[[Pair], float]) -> dict[str, float]:
        return {pair.contender.name: pick(pair) for pair in pairs}

    def row(percent: int, of: Callable[[Pair], Pickups], how: str, bar: str) -> Figure:
        return _figure(values(lambda pair: of(pair).percentile_ms(percent)), "ms", how, bar)

    count = len(pairs[0].steady.waits)
    steady = (
        f"{count} single jobs, 20 to 120 ms apart; from the commit (peers: the call of add) to the task's first line"
    )
    rested = f"{len(pairs[0].rested.waits)} such jobs, in bursts after 60 s of idleness"
    firsts = values(lambda pair: max(pair.rested.first) * 1000)
    whole = values(lambda pair: statistics.median(pair.steady.whole) * 1000)
    return {
        "jobs/pickup_p50": row(50, lambda pair: pair.steady, steady, "5 ms"),
        "jobs/pickup_p99": row(99, lambda pair: pair.steady, steady, "60 ms"),
        "jobs/pickup_idle_p50": row(50, lambda pair: pair.rested, rested, "5 ms"),
        "jobs/pickup_idle_p99": row(99, lambda pair: pair.rested, rested, "60 ms"),
        "jobs/pickup_idle_first": _figure(
            firsts, "ms", f"slowest of the {len(pairs[0].rested.first)} first jobs after 60 s of idleness", "60 ms"
        ),
        "jobs/pickup_whole_p50": _figure(whole, "ms", f"{count} single jobs; from before the transaction"),
    }


def of_rest(percent: Mapping[str, float]) -> dict[str, Figure]:
    """CPU of processes to which nothing comes."""
    how = "over 3 x 60 s; our worker serves two queues"
    relay = Figure(percent["relay"], "% of one core", "over 3 x 60 s; periodic work included")
    return {"jobs/idle_worker_cpu": _figure(percent, "% of one core", how, "0.5%"), "jobs/idle_relay_cpu": relay}


def of_enqueueing(found: Mapping[str, Mapping[str, Added]]) -> dict[str, Figure]:
    """Jobs a second, and CPU for 1,000 jobs."""
    rows = {}
    for mode, by_name in found.items():
        how = f"{MODES[mode][0]} jobs, {_MODES[mode]}; median of {len(by_name['ours'].rate)} rounds"
        rate = {name: statistics.median(added.rate) for name, added in by_name.items()}
        settled = {name: statistics.median(added.settled) for name, added in by_name.items()}
        cpu_s = {
            name: sum(statistics.median(spent) for spent in added.cpu_s.values()) for name, added in by_name.items()
        }
        parts = "; ".join(f"{_LABELS.get(name, name)}: {added.cpu_text()}" for name, added in by_name.items())
        rows[f"jobs/enqueue_{mode}"] = _figure(rate, "jobs/s", f"{how}; until the last call returned", "ratio 0.5")
        rows[f"jobs/enqueue_{mode}_settled"] = _figure(settled, "jobs/s", f"{how}; until all lay in the queue")
        rows[f"jobs/enqueue_{mode}_cpu"] = _figure(cpu_s, "CPU s per 1,000", f"client and servers. {parts}")
    return rows


def of_throughput(found: Mapping[int, Mapping[str, Ran]]) -> dict[str, Figure]:
    """No-op jobs a second through one worker, and CPU a job."""
    rows = {}
    for concurrency, by_name in found.items():
        how = f"prefilled, one worker process, {concurrency} at once; median of {len(by_name['ours'].rate)} rounds"
        rate = {name: statistics.median(ran.rate) for name, ran in by_name.items()}
        cpu_us = {name: sum(statistics.median(spent) for spent in ran.cpu_us.values()) for name, ran in by_name.items()}
        parts = "; ".join(f"{_LABELS.get(name, name)}: {ran.cpu_text()}" for name, ran in by_name.items())
        rows[f"jobs/noop_{concurrency}"] = _figure(rate, "jobs/s", how, "ratio 0.5")
        rows[f"jobs/noop_{concurrency}_cpu"] = _figure(cpu_us, "CPU us per job", f"worker and servers. {parts}")
    return rows


def of_recovery(killed: Mapping[str, float], emptied: tuple[float, float]) -> dict[str, Figure]:
    """Seconds that a job stands still."""
    first, last = emptied
    return {
        "jobs/rerun_after_kill": _figure(
            killed, "s", "kill -9 of the worker that had the job, another one idle; median of 3", "15 s"
        ),
        "jobs/first_after_emptied": Figure(
            first, "s", "FLUSHALL, worker's 8 slots taken for 5 s, 200 jobs waiting; first start; median of 3", "30 s"
        ),
        "jobs/all_after_emptied": Figure(last, "s", "the same; until all 200 had started, none twice", "30 s"),
    }
