"""Films that keep coming at four fifths of what the machine can make: how evenly it works, and how long jobs wait."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

from bench.jobs.place import Place
from bench.media.sources import Original
from bench.media.stage import Stage, open_stage, run_workers
from bench.record import Figure

SHARE = 0.8
_SEED = 4
_SAMPLE_S = 1.0
_COSTS = 3
_DEPTH = """
    select count(*) filter (where state <> 'running') as waiting, count(*) filter (where state = 'running') as running
    from jobs where queue in ('media', 'ladder') and state in ('accepted', 'queued', 'running') and due_at <= clock_timestamp()
"""
_LAGS = """
    select extract(epoch from started_at - due_at)::float8 as lag_s from jobs
    where queue = 'media' and task = 'transcode' and state = 'done' and accepted_at >= %s
"""


@dataclass
class Load:
    """What was seen each second. `cpu_s_per_film` is of the whole machine, `busy` is the machine's CPU use in %, `waiting` and `running` are jobs; lags in s."""

    films_per_minute: float
    cpu_s_per_film: float
    sent: int = 0
    busy: list[float] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)
    rest_s: float = 0.0


async def measure_load(place: Place, original: Original, tiny: Original, *, workers: int, seconds: int) -> Load:
    """Send films at random moments, at SHARE of the rate that all cores could make, for `seconds`; then let it end."""
    async with open_stage(place) as stage:
        with run_workers(place, workers):
            for _ in range(workers):
                await stage.show(tiny)
            cpu_s = statistics.median([await _cost_of(stage, original) for _ in range(_COSTS)])
            rate = SHARE * (psutil.cpu_count() or 1) / cpu_s
            load = Load(rate * 60, cpu_s)
            began = await stage.value("select clock_timestamp()")
            watching = asyncio.create_task(_watch(stage, load))
            await _send(stage, original, load, rate, seconds)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            ended = time.monotonic()
            await stage.rest()
            load.rest_s = time.monotonic() - ended
            load.lags_s = [row["lag_s"] for row in await stage.rows(_LAGS, began)]
    return load


async def _cost_of(stage: Stage, original: Original) -> float:
    """CPU seconds of the whole machine for one film: servers and senders work for it as well."""
    await stage.rest()
    before = _busy_s()
    await stage.show(original)
    await stage.rest()
    return _busy_s() - before


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


async def _send(stage: Stage, original: Original, load: Load, rate: float, seconds: int) -> None:
    chance, until = random.Random(_SEED), time.monotonic() + seconds
    at = time.monotonic()
    async with asyncio.TaskGroup() as sending:
        while (at := at + chance.expovariate(rate)) < until:
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            sending.create_task(stage.send_whole(original))
            load.sent += 1
    await asyncio.sleep(max(0.0, until - time.monotonic()))


async def _watch(stage: Stage, load: Load) -> None:
    psutil.cpu_percent()
    while True:
        await asyncio.sleep(_SAMPLE_S)
        (depth,) = await stage.rows(_DEPTH)
        load.busy.append(psutil.cpu_percent())
        load.waiting.append(depth["waiting"])
        load.running.append(depth["running"])


def of_load(load: Load, original: Original, workers: int, seconds: int) -> dict[str, Figure]:
    how = (
        f"{load.sent} films of {original.length_s} s (720p30) at random moments, {load.films_per_minute:.1f} a minute for {seconds} s: "
        f"{SHARE:.0%} of two cores at {load.cpu_s_per_film:.1f} CPU s a film; {workers} workers of one first job and one ladder job each"
    )
    busy = sorted(load.busy)
    return {
        "media/load_cpu_spread": Figure(
            statistics.pstdev(load.busy),
            "% points of standard deviation",
            f"{how}; the machine's CPU use, second by second",
            "",
            f"p5 {_at(busy, 5):.0f} %, median {_at(busy, 50):.0f} %, p95 {_at(busy, 95):.0f} %",
        ),
        "media/load_lag_p95": Figure(
            _at(sorted(load.lags_s), 95),
            "s",
            f"{how}; from accepted to started, of what makes a film playable",
            "",
            f"median {_at(sorted(load.lags_s), 50):.2f} s, all jobs had ended {load.rest_s:.0f} s after the last film",
        ),
        "media/load_depth_max": Figure(
            max(load.waiting),
            "jobs",
            f"{how}; waiting in both queues",
            "500",
            f"median {_at(sorted(load.waiting), 50):.0f}",
        ),
    }


def _at(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0
