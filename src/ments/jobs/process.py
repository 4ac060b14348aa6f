"""The bodies of `ments worker` and `ments relay`: everything that such a process does until it is asked to stop."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

import structlog

from ments.db import Primary
from ments.jobs.bindings import Bindings
from ments.jobs.clock import Clock
from ments.jobs.endings import Endings
from ments.jobs.gauges import keep_gauges
from ments.jobs.ledger import Leases, Ledger
from ments.jobs.model import PeriodicTask
from ments.jobs.outbox import Outbox
from ments.jobs.pause import pause
from ments.jobs.prune import prune
from ments.jobs.queue import JobQueues
from ments.jobs.reconciler import Reconciler
from ments.jobs.relay import Relay
from ments.jobs.run import Runs
from ments.jobs.worker import QueueWorker
from ments.observe.metrics import LOOP_LAG_SECONDS
from ments.observe.sample import sample_if_due

log = structlog.get_logger()

# The stack gives a part 15 s to end; what runs gets most of it.
DRAIN_S = 6.0
_PRUNE_EVERY_S = 600.0
_PRUNE_TIMEOUT_S = 240.0
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
    primary: Primary | None = None,
    drain_s: float = DRAIN_S,
) -> None:
    """Run jobs until `stop` is set, then finish within `drain_s` or hand back.

    concurrency  {queue: jobs at once}
    parts        what each task is given first
    primary      where the ledger is; that of `parts` when it is not given
    """
    primary = primary or parts.primary
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    left = asyncio.Event()
    async with aclosing(JobQueues(redis_url)) as queues, aclosing(Outbox(primary, queues, bindings)) as outbox:
        ledger = Ledger(primary, owner)
        leases = Leases(primary, owner, concurrency)
        workers = []
        for queue, slots in concurrency.items():
            endings = Endings(queue, primary, ledger, outbox)
            runs = Runs(queue, bindings, parts, ledger=ledger, leases=leases, endings=endings)
            workers.append(QueueWorker(queue, slots, redis_url=redis_url, owner=owner, runs=runs))
        log.info("worker_started", queues=dict(concurrency))
        async with asyncio.TaskGroup() as group:
            group.create_task(_watch_lag(stop))
            # Renewed until the last run has ended, not just until the process is asked to leave.
            group.create_task(leases.run(left))
            await asyncio.gather(*(worker.run(stop, drain_s=drain_s) for worker in workers))
            left.set()
        await leases.leave()
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
    """Send what is unsent, mend what is broken, run what is due, and keep the gauges, until `stop` is set."""

    async def prune_ledger(_parts: Any) -> None:
        await prune(primary)

    own = PeriodicTask("ments.jobs.prune", _PRUNE_EVERY_S, _PRUNE_TIMEOUT_S, prune_ledger)
    log.info("relay_started", periodic=len(periodic))
    async with aclosing(Outbox(primary, queues, bindings)) as outbox, asyncio.TaskGroup() as group:
        sending = Relay(primary, queues)
        group.create_task(sending.run(stop))
        group.create_task(Reconciler(primary, queues, outbox, sending, bindings).run(stop))
        group.create_task(Clock(primary, parts, (*periodic, own)).run(stop))
        group.create_task(keep_gauges(primary, queues, stop))
        group.create_task(_watch_lag(stop))
    log.info("relay_stopped")


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set; call it inside the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


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
