"""The backlog: whether so much waits in a queue that new heavy work had better be refused for a while."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from math import ceil

import structlog

from ments.db import Primary, Session, load_queries
from ments.jobs.model import Rank
from ments.jobs.queue import JobQueues

log = structlog.get_logger()
queries = load_queries(__file__, "backlog.sql")

# A verdict is good for this long in a process, so that a crowd of requests asks once.
_KEPT_S = 1.0
_ASK_TIMEOUT_S = 1.0
# Rebuilding old media waits for quiet hours by design: it refuses nobody.
_COUNTED = [int(Rank.FIRST), int(Rank.LATER)]
# Past this the count is a guess, which is good enough for an answer of ten minutes at most.
_COUNTED_MAX = 20_000
_PACE_WINDOW_S = 300.0
_PACE_ROWS = 2_000
_AGAIN_MIN_S, _AGAIN_MAX_S, _AGAIN_UNKNOWN_S = 5, 600, 60


@dataclass(frozen=True, slots=True)
class Excess:
    """More waits than may.

    reason         depth or age
    retry_after_s  when to come back, from the pace of late
    """

    reason: str
    waiting: int
    oldest_s: float
    retry_after_s: int


class Backlog:
    """Looks at what waits in one queue, at most once a second in this process.

    waiting_max  jobs that may wait, what is due later and rebuilding (Rank.BACKGROUND) not counted; 0: no bound
    wait_max_s   how long the one that has waited longest may have been due; 0: no bound
    """

    def __init__(self, primary: Primary, queues: JobQueues, queue: str, *, waiting_max: int, wait_max_s: int) -> None:
        self._primary = primary
        self._queues = queues
        self._queue = queue
        self._waiting_max = waiting_max
        self._wait_max_s = wait_max_s
        self._asking: asyncio.Task[None] | None = None
        self._asked_at = float("-inf")
        self._excess: Excess | None = None
        self._blind = False

    async def find_excess(self) -> Excess | None:
        """Return what is too much, None while there is room. Lets through when Postgres can't say; never raises."""
        if self._waiting_max <= 0 and self._wait_max_s <= 0:
            return None
        if time.monotonic() - self._asked_at >= _KEPT_S:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())
            # Whoever began it may be cancelled; the others wait for the same answer.
            await asyncio.shield(self._asking)
        return self._excess

    async def _ask(self) -> None:
        before = self._excess
        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                self._excess = await self._look()
            self._blind = False
        except Exception as error:
            self._excess = None
            if not self._blind:
                log.warning("backlog_unknown", queue=self._queue, error=str(error) or type(error).__name__)
            self._blind = True
        self._asked_at = time.monotonic()
        found = self._excess
        if found is not None and before is None:
            log.warning("backlog_refuses", queue=self._queue, reason=found.reason, waiting=found.waiting)
        elif found is None and before is not None:
            log.warning("backlog_has_room", queue=self._queue)

    async def _look(self) -> Excess | None:
        outside = await self._count_outside()
        async with self._primary.session() as session:
            waiting, late, oldest_s = await self._measure(session, self._waiting_max or _COUNTED_MAX)
            too_deep = 0 < self._waiting_max < waiting + outside
            if not too_deep and not late:
                return None
            # Only now is it worth to count further, and to look at the pace.
            waiting, late, oldest_s = await self._measure(session, self._waiting_max + _COUNTED_MAX)
            window_s = min(_PACE_WINDOW_S, max(10.0, oldest_s))
            pace = await queries.measure_pace(session.connection, queue=self._queue, window_s=window_s, most=_PACE_ROWS)
        waiting += outside
        over = max(waiting - self._waiting_max if too_deep else 0, late)
        seen_s = pace["span_s"] if pace["rows"] >= _PACE_ROWS else window_s
        again_s = plan_retry_after(over, ended=pace["jobs"], seen_s=seen_s)
        return Excess("depth" if too_deep else "age", waiting, oldest_s, again_s)

    async def _measure(self, session: Session, most: int) -> tuple[int, int, float]:
        found = await queries.measure_backlog(
            session.connection,
            queue=self._queue,
            ranks=_COUNTED,
            late_s=self._wait_max_s if self._wait_max_s > 0 else float("inf"),
            most=most + 1,
        )
        return found["waiting"], found["late"], found["oldest_s"]

    async def _count_outside(self) -> int:
        """Count the entries without a turn: foreign producers', which have no row until a worker takes them."""
        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S / 2):
                counts = await self._queues.count_jobs((self._queue,))
        except Exception as error:
            # The rows are what counts; without Valkey nothing foreign waits anyway.
            log.info("outside_jobs_not_counted", queue=self._queue, error=str(error) or type(error).__name__)
            return 0
        return counts[self._queue]["waiting"]


def plan_retry_after(over: int, *, ended: int, seen_s: float) -> int:
    """Return in how many seconds room may be expected, 5 to 600. Pure.

    over   jobs that have to be begun before there is room
    ended  jobs that ended in the last `seen_s` seconds
    """
    if ended <= 0:
        # Nothing ends: either the rush has just begun, or nobody works.
        return _AGAIN_UNKNOWN_S if seen_s < _PACE_WINDOW_S else _AGAIN_MAX_S
    return min(_AGAIN_MAX_S, max(_AGAIN_MIN_S, ceil(over * seen_s / ended)))
