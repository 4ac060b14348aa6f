"""The bodies of `ments worker` and `ments relay`: everything that such a process does until it is asked to stop."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from ments.db import Primary, load_queries
from ments.jobs.bindings import Bindings
from ments.jobs.clock import Clock
from ments.jobs.model import PeriodicTask
from ments.jobs.pause import pause
from ments.jobs.queue import JobQueues
from ments.jobs.relay import Relay, prune_outbox
from ments.jobs.worker import QueueWorker
from ments.observe.metrics import LOOP_LAG_SECONDS, OUTBOX_AGE_SECONDS, OUTBOX_UNSENT, QUEUE_JOBS
from ments.observe.sample import sample_if_due

log = structlog.get_logger()
queries = load_queries(__file__)

# The stack gives a part 15 s to end; what runs gets most of it.
DRAIN_S = 8.0
_COUNT_EVERY_S = 5.0
_PRUNE_EVERY_S = 600.0
_LAG_EVERY_S = 1.0
# A job that holds the loop this long keeps the locks of all jobs from being renewed.
_LAG_WARNED_S = 1.0


async def work(
    concurrency: Mapping[str, int],
    *,
    redis_url: str,
    bindings: Bindings,
    parts: Any,
    stop: asyncio.Event,
    drain_s: float = DRAIN_S,
) -> None:
    """Run jobs until `stop` is set, then finish within `drain_s` or hand back.

    concurrency  {queue: jobs at once}
    """
    workers = [
        QueueWorker(queue, slots, redis_url=redis_url, bindings=bindings, parts=parts)
        for queue, slots in concurrency.items()
    ]
    log.info("worker_started", queues=dict(concurrency))
    async with asyncio.TaskGroup() as group:
        group.create_task(_watch_lag(stop))
        for worker in workers:
            group.create_task(worker.run(stop, drain_s=drain_s))
    log.info("worker_stopped")


async def relay(
    primary: Primary,
    queues: JobQueues,
    *,
    bindings: Bindings,
    parts: Any,
    periodic: Sequence[PeriodicTask],
    stop: asyncio.Event,
) -> None:
    """Send what is unsent, run what is due, and keep the gauges of the queues, until `stop` is set."""

    async def prune(_parts: Any) -> None:
        pruned = await prune_outbox(primary)
        if pruned:
            log.info("outbox_pruned", rows=pruned)

    own = PeriodicTask("ments.jobs.prune_outbox", _PRUNE_EVERY_S, 60.0, prune)
    log.info("relay_started", periodic=len(periodic))
    async with asyncio.TaskGroup() as group:
        group.create_task(Relay(primary, queues, bindings).run(stop))
        group.create_task(Clock(primary, parts, (*periodic, own)).run(stop))
        group.create_task(_count(primary, queues, stop))
        group.create_task(_watch_lag(stop))
    log.info("relay_stopped")


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set; call it inside the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _count(primary: Primary, queues: JobQueues, stop: asyncio.Event) -> None:
    """Keep the gauges of queues and outbox; a part that is away leaves them as they were."""
    while not stop.is_set():
        try:
            for queue, states in (await queues.count_jobs()).items():
                for state, jobs in states.items():
                    QUEUE_JOBS.labels(queue, state).set(jobs)
            async with primary.session() as session:
                unsent = await queries.get_unsent(session.connection)
            OUTBOX_UNSENT.set(unsent["rows"])
            OUTBOX_AGE_SECONDS.set(unsent["age_s"])
        except Exception as error:
            # A part is away: the relay itself says so.
            log.debug("not_counted", error=str(error))
        await pause(stop, _COUNT_EVERY_S)


async def _watch_lag(stop: asyncio.Event) -> None:
    """Measure how late the loop wakes up, and say so when something blocks it."""
    while not stop.is_set():
        before = time.monotonic()
        await pause(stop, _LAG_EVERY_S)
        lag_s = time.monotonic() - before - _LAG_EVERY_S
        LOOP_LAG_SECONDS.set(max(0.0, lag_s))
        sample_if_due()
        if lag_s > _LAG_WARNED_S:
            log.warning("loop_blocked", seconds=round(lag_s, 2))
