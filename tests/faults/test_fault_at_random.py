"""Faults one upon another, drawn at random: what none of them alone would show."""

from __future__ import annotations

import asyncio
import random
import signal
from typing import Any

import pytest
from fault_books import Books
from fault_fleet import Fleet, Member
from fault_pace import PACE
from fault_stores import FaultStores

_RECOVERED_S = 150.0
_KINDS = ("worker", "relay", "freeze", "valkey", "empty", "postgres", "pgbouncer")
_FROZEN_S = 14.0 * PACE


class Misfortune:
    """Hits one thing at a time, and has it replaced or started again."""

    def __init__(self, stores: FaultStores, fleet: Fleet, dice: random.Random) -> None:
        self._stores = stores
        self._fleet = fleet
        self._dice = dice
        self._workers = [fleet.work() for _ in range(3)]
        self._relays = [fleet.relay() for _ in range(2)]
        self._frozen: list[asyncio.Task[None]] = []

    async def strike(self, kind: str) -> None:
        if kind == "worker":
            self._replace(self._workers, self._fleet.work)
        elif kind == "relay":
            self._replace(self._relays, self._fleet.relay)
        elif kind == "freeze":
            self._frozen.append(asyncio.create_task(_freeze(self._dice.choice(self._workers))))
        elif kind == "empty":
            self._stores.empty_valkey()
        else:
            number = signal.SIGTERM if kind == "pgbouncer" else signal.SIGKILL
            await self._stores.restart(kind, number, away_s=self._dice.uniform(0, 2))

    async def end(self) -> None:
        """Let what is frozen go on."""
        await asyncio.gather(*self._frozen)

    def _replace(self, members: list[Member], start: Any) -> None:
        members.pop(self._dice.randrange(len(members))).kill()
        members.append(start())


async def _freeze(worker: Member) -> None:
    if worker.process.poll() is None:
        worker.send(signal.SIGSTOP)
        await asyncio.sleep(_FROZEN_S)
        if worker.process.poll() is None:
            worker.send(signal.SIGCONT)


@pytest.mark.timeout(400)
async def test_faults_at_random(stores: FaultStores, fleet: Fleet, books: Books, jobs: int, recovery: Any) -> None:
    seed = random.randrange(1_000_000)
    dice = random.Random(seed)
    # One of each at least, and twenty in all for a thousand jobs.
    kinds = [*_KINDS, *dice.choices(_KINDS, k=jobs // 75)]
    dice.shuffle(kinds)
    print(f"seed {seed}: {', '.join(kinds)}")
    misfortune = Misfortune(stores, fleet, dice)
    lasts_s = 1.5 * len(kinds)
    batches = {"random": jobs, "random-flaky": jobs // 4, "random-steps": jobs // 10}
    fleet.produce("EffectAsked", "random", jobs, pause_s=lasts_s / jobs, takes_s=0.2)
    fleet.produce("FlakyAsked", "random-flaky", batches["random-flaky"], pause_s=4 * lasts_s / jobs)
    fleet.produce("StepsAsked", "random-steps", batches["random-steps"], pause_s=10 * lasts_s / jobs, takes_s=0.1)
    await books.until("select count(*) > 0 from fault_effects where batch = 'random'", within_s=30)
    for kind in kinds:
        await misfortune.strike(kind)
        await asyncio.sleep(dice.uniform(0.2, 2.0))
    hit = books.now()
    await misfortune.end()
    for batch, asked in batches.items():
        await books.until_settled(batch, asked, within_s=120)
        # Whoever was there three times when a worker died may be taken for poison.
        dead = books.value(
            "select count(*) from jobs where payload ->> 'batch' = %(batch)s and code = 'poison' and crashes = 3",
            batch=batch,
        )
        await books.settle(batch, asked, within_s=120, dead=dead)
    await books.close()
    seconds = max(books.seconds_until_done(batch, hit) for batch in batches)
    assert recovery.note("at_random", seconds, f"last of {len(kinds)} faults until all is done") < _RECOVERED_S
