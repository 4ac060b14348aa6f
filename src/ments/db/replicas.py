"""The read replicas, of which only those are read that are there and not far behind; otherwise the primary serves."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType

import psycopg
import structlog
from psycopg_pool import PoolTimeout, TooManyRequests

from ments.db.pools import Borrowed, Pool, Primary, Session

log = structlog.get_logger()

LAG_MAX_S = 5.0
"""A replica that is further behind is not read."""

_LOOK_EVERY_S = 1.0
_LOOK_TIMEOUT_S = 1.0
# How long a reader waits for a replica's connection before the primary is asked.
_WAIT_S = 0.5
_POSITIONS = 60
_AWAY = (psycopg.Error, PoolTimeout, TooManyRequests, OSError, TimeoutError)


class Positions:
    """Where the primary's log was at which moments, and so how old what a replica has replayed is. Pure but for its memory."""

    def __init__(self) -> None:
        self._noted: deque[tuple[float, int]] = deque(maxlen=_POSITIONS)

    def note(self, at: float, position: int) -> None:
        """The primary's log had come to `position` (bytes) at a moment (seconds, monotonic)."""
        self._noted.append((at, position))

    def lag_s(self, now: float, replayed: int) -> float:
        """How many seconds a replica that has replayed up to a position may be behind; all that is known, if it is further."""
        for at, position in reversed(self._noted):
            if position <= replayed:
                return now - at
        return float("inf") if self._noted else 0.0


class Replica:
    """The read replicas; a session may see data that is a little old. Without one that is fit it reads the primary."""

    def __init__(self, urls: Sequence[str], primary: Primary, *, size: int = 10) -> None:
        self._pools = [Pool(url, size=size, name=f"replica{n}") for n, url in enumerate(urls)]
        self._fit = list(self._pools)
        self._primary = primary
        self._positions = Positions()
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> None:
        for pool in self._pools:
            await pool.open()
        if self._pools:
            self._watch = asyncio.create_task(self._look_again_and_again())

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        for pool in self._pools:
            await pool.close()

    async def ping(self) -> None:
        """Run `select 1` on each replica; raises when one does not answer."""
        for pool in self._pools:
            await pool.ping()

    def session(self) -> ReadingReplica:
        """Read from one replica, chosen at random of those that are fit, or from the primary."""
        return ReadingReplica(self)

    async def borrow(self) -> tuple[Borrowed, Session]:
        """Begin such a session; whoever asks leaves the first."""
        if self._fit:
            pool = random.choice(self._fit)  # noqa: S311 (balancing, no secret)
            borrowed = pool.connection(timeout_s=_WAIT_S)
            try:
                return borrowed, Session(await borrowed.__aenter__())
            except _AWAY as error:
                self._set_fit(pool, fit=False, why=repr(error))
        borrowed = self._primary.connection()
        return borrowed, Session(await borrowed.__aenter__())

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Find out which replicas are fit."""
        position = await _ask(self._primary, "select (pg_current_wal_lsn() - '0/0')::bigint as at")
        if position is None:
            # Without the primary there is nobody better to ask.
            return
        self._positions.note(time.monotonic(), position)
        for pool in self._pools:
            # One that is no replica at all, but the primary by another address, is as far as the primary.
            replayed = await _ask(
                pool,
                """select case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn() - '0/0', 0)
                   else pg_current_wal_lsn() - '0/0' end::bigint as at""",
            )
            lag_s = float("inf") if replayed is None else self._positions.lag_s(time.monotonic(), replayed)
            self._set_fit(pool, fit=lag_s <= LAG_MAX_S, why=f"{lag_s:.1f} s behind")

    def _set_fit(self, pool: Pool, *, fit: bool, why: str) -> None:
        if fit == (pool in self._fit):
            return
        if fit:
            self._fit.append(pool)
            log.info("replica_read_again", replica=pool.name)
        else:
            self._fit.remove(pool)
            log.warning("replica_not_read", replica=pool.name, why=why)


class ReadingReplica:
    """A session of `Replica` for the length of a block."""

    __slots__ = ("_borrowed", "_replica")

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def __aenter__(self) -> Session:
        self._borrowed, session = await self._replica.borrow()
        return session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._borrowed.__aexit__(kind, error, traceback)


async def _ask(pool: Pool, sql: str) -> int | None:
    """A number, or None where there is no answer in time."""
    try:
        async with asyncio.timeout(_LOOK_TIMEOUT_S), pool.connection(timeout_s=_LOOK_TIMEOUT_S) as connection:
            row = await (await connection.execute(sql)).fetchone()
    except _AWAY:
        return None
    return int(row["at"]) if row else None
