"""The gauges of queues and ledger, kept by the relays: depth by state, the age of the oldest, dead letters."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine

import structlog

from ments.db import Primary
from ments.jobs.ledger.books import count_pending
from ments.jobs.model import QUEUES, JobState
from ments.jobs.pause import pause
from ments.jobs.queue import JobQueues
from ments.observe.metrics import LEDGER_JOBS, LEDGER_OLDEST_SECONDS, QUEUE_JOBS

log = structlog.get_logger()

_EVERY_S = 5.0
# Counting a ledger of 100,000 rows costs Postgres a tenth of a second.
_LEDGER_EVERY_S = 15.0
_SHOWN = (JobState.ACCEPTED, JobState.QUEUED, JobState.RUNNING, JobState.DEAD)
_WAITING = (JobState.ACCEPTED, JobState.QUEUED)


async def keep_gauges(primary: Primary, queues: JobQueues, stop: asyncio.Event) -> None:
    """Count the queues every 5 s and the ledger every 15 s until `stop` is set; a part that is away leaves its gauges as they were."""
    ledger_at = 0.0
    while not stop.is_set():
        await _try(count_entries(queues))
        if time.monotonic() >= ledger_at:
            ledger_at = time.monotonic() + _LEDGER_EVERY_S
            await _try(count_ledger(primary))
        await pause(stop, _EVERY_S)


async def _try(counting: Coroutine[None, None, None]) -> None:
    try:
        await counting
    except Exception as error:
        # A part is away: the relay itself says so.
        log.debug("not_counted", error=str(error))


async def count_entries(queues: JobQueues) -> None:
    """Count what lies in Valkey."""
    for queue, states in (await queues.count_jobs()).items():
        for state, jobs in states.items():
            QUEUE_JOBS.labels(queue, state).set(jobs)


async def count_ledger(primary: Primary) -> None:
    """Count what lies in the ledger and has not ended well."""
    async with primary.session() as session:
        rows = await count_pending(session)
    # A state that nobody is in has no row.
    counts = {(queue, state): jobs for queue, state, jobs, _ in rows}
    for queue in {*QUEUES, *(queue for queue, *_ in rows)}:
        for state in _SHOWN:
            LEDGER_JOBS.labels(queue, state).set(counts.get((queue, state), 0))
        ages = [oldest_s for of, state, _, oldest_s in rows if of == queue and state in _WAITING]
        LEDGER_OLDEST_SECONDS.labels(queue).set(max(ages, default=0.0))
