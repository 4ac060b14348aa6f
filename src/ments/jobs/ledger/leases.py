"""The heartbeat of a worker process: its running jobs are renewed together, and runs that were overtaken are told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from uuid import UUID

import structlog

from ments.db import Primary, load_queries, write_array
from ments.jobs.model import HEARTBEAT_S
from ments.jobs.pause import pause

log = structlog.get_logger()
queries = load_queries(__file__)

_SEEN_EVERY_S = 10.0


class Leases:
    """The runs that a process holds."""

    def __init__(self, primary: Primary, owner: str, slots: Mapping[str, int]) -> None:
        """slots  {queue: jobs at once}, shown to operators"""
        self._primary = primary
        self._owner = owner
        self._slots = json.dumps(dict(slots))
        self._held: dict[tuple[UUID, int], Callable[[], None]] = {}

    def hold(self, job_id: UUID, lease: int, on_lost: Callable[[], None]) -> None:
        """Renew a run until `release`; `on_lost` is called once when another run has overtaken it."""
        self._held[job_id, lease] = on_lost

    def release(self, job_id: UUID, lease: int) -> None:
        """The run has ended."""
        self._held.pop((job_id, lease), None)

    async def run(self, stop: asyncio.Event) -> None:
        """Renew until `stop` is set. While Postgres is away the runs go on: nobody can take them over then."""
        seen_at = -_SEEN_EVERY_S
        failing = False
        while not stop.is_set():
            try:
                if self._held:
                    await self._renew()
                if time.monotonic() - seen_at >= _SEEN_EVERY_S:
                    async with self._primary.session() as session:
                        await queries.see_worker(session.connection, name=self._owner, slots=self._slots)
                    seen_at = time.monotonic()
                failing = False
            except Exception as error:
                if not failing:
                    log.warning("leases_not_renewed", jobs=len(self._held), error=str(error) or type(error).__name__)
                failing = True
            await pause(stop, HEARTBEAT_S)

    async def leave(self) -> None:
        """Take the process off the list of workers."""
        try:
            async with asyncio.timeout(1.0), self._primary.session() as session:
                await queries.forget_worker(session.connection, name=self._owner)
        except Exception as error:
            # It goes off the list by itself.
            log.info("worker_not_taken_off", error=str(error) or type(error).__name__)

    async def _renew(self) -> None:
        held = list(self._held)
        ids, leases = write_array(job_id for job_id, _ in held), write_array(lease for _, lease in held)
        async with asyncio.timeout(HEARTBEAT_S * 2), self._primary.session() as session:
            renewed = {row["id"] async for row in queries.renew_leases(session.connection, ids=ids, leases=leases)}
            if len(renewed) == len({job_id for job_id, _ in held}):
                return
            lost = {row["id"] async for row in queries.list_lost(session.connection, ids=ids, leases=leases)}
        for key in held:
            on_lost = self._held.get(key)
            if key[0] in lost and on_lost is not None:
                del self._held[key]
                on_lost()
