"""Runs whose worker has gone: given to another one, or ended when they were the death of too many."""

from __future__ import annotations

import asyncio
import time

import structlog

from ments.db import Primary, Transaction
from ments.jobs.ledger.mend import SilentRun, give_back_runs, look_for_silence, take_silent_runs
from ments.jobs.model import LEASE_S, MAX_CRASHES
from ments.jobs.outage import Outage
from ments.jobs.outbox import Outbox
from ments.jobs.pause import pause
from ments.jobs.relay import Relay
from ments.observe.metrics import JOBS_MENDED

log = structlog.get_logger()

_LOOK_EVERY_S = 1.0
_PAUSE_AFTER_FAILURE_S = 2.0
_BATCH = 200
# The database's clock and ours may drift apart by this much between two looks; more is a jump.
_JUMP_S = 3.0
POISON = "poison"


class SilentRuns:
    """Ends runs that were silent for LEASE_S, or are far past their time. Any number may look at once."""

    def __init__(self, primary: Primary, outbox: Outbox, relay: Relay) -> None:
        """outbox  buries; relay  sends what was given back, at once"""
        self._primary = primary
        self._outbox = outbox
        self._relay = relay
        self._trusted_from = 0.0
        self._clocks_apart_s: float | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        outage = Outage("silent_runs")
        while not stop.is_set():
            pause_s = _LOOK_EVERY_S
            try:
                await self.end()
                outage.end()
            except Exception as error:
                outage.begin(error)
                # Where we could not look, workers could not renew.
                self._distrust()
                pause_s = _PAUSE_AFTER_FAILURE_S
            await pause(stop, pause_s)

    async def end(self) -> int:
        """End what is silent. Returns how many runs."""
        async with self._primary.session() as session:
            silence = await look_for_silence(session)
        apart_s = silence.at_s - time.monotonic()
        if self._clocks_apart_s is not None and abs(apart_s - self._clocks_apart_s) > _JUMP_S:
            log.warning("database_clock_jumped", seconds=round(apart_s - self._clocks_apart_s, 1))
            self._distrust()
        self._clocks_apart_s = apart_s
        if not silence.found or not silence.is_settled or time.monotonic() < self._trusted_from:
            return 0
        async with self._primary.transaction() as tx:
            runs = await take_silent_runs(tx, batch=_BATCH)
            poisonous = [run for run in runs if run.crashes + 1 >= MAX_CRASHES]
            for run in poisonous:
                await self._bury(tx, run)
            await give_back_runs(tx, [run for run in runs if run not in poisonous])
        for run in runs:
            log.warning("run_ended_from_outside", job_id=str(run.id), cause=run.cause, crashes=run.crashes + 1)
        if runs:
            JOBS_MENDED.labels("run_silent").inc(len(runs))
            await self._relay.send_batch()
        return len(runs)

    def _distrust(self) -> None:
        """Heartbeats mean something again once each worker has had the time to renew."""
        self._trusted_from = time.monotonic() + LEASE_S

    async def _bury(self, tx: Transaction, run: SilentRun) -> None:
        cause = f"It ended {run.crashes + 1} workers, or outlived them. {run.cause}"
        await self._outbox.bury(tx, run.id, run.lease, code=POISON, cause=cause, counted=False)
