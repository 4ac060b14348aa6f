"""What the suite's jobs do: effects in Postgres, with trouble at chosen points of chosen runs."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

from ments.db import Primary, Session
from ments.errors import Retryable
from ments.jobs import Bindings, JobContext, Outbox, task
from ments.jobs.model import JobDied

_STEPS = ("one", "two", "three", "four")
_ACCOUNTS = UUID("5f0f6c34-6d0c-4c1e-9a39-0d7e8f6f6c11")


@dataclass(frozen=True)
class Trouble:
    """What a run does to its own process.

    at      "before" the transaction of the effect, "inside" it (after `job.commit`), or "after" its commit
    number  the signal; 0: none
    runs    only the first so many runs do it
    """

    at: str = ""
    number: int = 0
    runs: int = 1


@dataclass(frozen=True)
class EffectAsked:
    """One effect is asked for: a row that must be there exactly once. `takes_s`: how long the work before it takes."""

    id: UUID
    batch: str
    takes_s: float = 0.0
    trouble: Trouble = Trouble()


@dataclass(frozen=True)
class StepsAsked(EffectAsked):
    """An effect after four steps of `takes_s` each. `account` is a number, for turns."""

    account: int = 0


@dataclass(frozen=True)
class FlakyAsked(EffectAsked):
    """An effect whose first attempt fails."""


@dataclass(frozen=True)
class FileAsked(EffectAsked):
    """An effect after a file of 8 kB in the work folder."""


@dataclass(frozen=True)
class Places:
    """What the suite's tasks are given, as the app's are given Parts."""

    primary: Primary
    outbox: Outbox
    folder: Path


@task(queue="default", name="effect")
async def effect(parts: Places, job: JobContext, event: EffectAsked) -> None:
    await _begin(parts, job, event)
    await asyncio.sleep(event.takes_s)
    await _write_effect(parts, job, event)


@task(queue="media", name="slow_effect", account_of=lambda event: uuid5(_ACCOUNTS, str(event.account)))
async def slow_effect(parts: Places, job: JobContext, event: StepsAsked) -> None:
    await _begin(parts, job, event)
    for step in _STEPS:
        if step in job.steps:
            continue
        await _note_step(parts, job, event, step, finished=False)
        await asyncio.sleep(event.takes_s)
        await job.finish_step(step, step.upper())
        await _note_step(parts, job, event, step, finished=True)
    await _write_effect(parts, job, event)


@task(queue="default", name="flaky", backoff_s=0.2)
async def flaky(parts: Places, job: JobContext, event: FlakyAsked) -> None:
    await _begin(parts, job, event)
    if job.attempt == 1:
        raise Retryable("The first attempt always fails.")
    await _write_effect(parts, job, event)


@task(queue="default", name="file_effect")
async def file_effect(parts: Places, job: JobContext, event: FileAsked) -> None:
    await _begin(parts, job, event)
    file = parts.folder / str(event.id)
    try:
        file.write_bytes(bytes(8192))
        await asyncio.sleep(event.takes_s)
    finally:
        file.unlink(missing_ok=True)
    await _write_effect(parts, job, event)


@task(queue="default", name="note_death")
async def note_death(parts: Places, job: JobContext, event: JobDied) -> None:
    """Whoever hung on the job is told: one row a death."""
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "insert into fault_deaths (job_id, code, cause) values (%s, %s, %s)",
            [event.job_id, event.code, event.cause],
        )
        await job.commit(tx)


BINDINGS = Bindings(
    {
        EffectAsked: (effect,),
        StepsAsked: (slow_effect,),
        FlakyAsked: (flaky,),
        FileAsked: (file_effect,),
        JobDied: (note_death,),
    }
)


async def ask(tx_session: Session, event: EffectAsked) -> None:
    """Write down that an effect was asked for, in the transaction that accepts its job."""
    await tx_session.connection.execute("insert into fault_asked (id, batch) values (%s, %s)", [event.id, event.batch])


async def _begin(parts: Places, job: JobContext, event: EffectAsked) -> None:
    async with parts.primary.session() as session:
        await session.connection.execute(
            "insert into fault_runs (id, batch, pid, lease, attempt) values (%s, %s, %s, %s, %s)",
            [event.id, event.batch, os.getpid(), job.lease, job.attempt],
        )


async def _write_effect(parts: Places, job: JobContext, event: EffectAsked) -> None:
    _meet("before", job, event.trouble)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "insert into fault_effects (id, batch, pid, lease) values (%s, %s, %s, %s)",
            [event.id, event.batch, os.getpid(), job.lease],
        )
        await job.commit(tx)
        _meet("inside", job, event.trouble)
    _meet("after", job, event.trouble)


async def _note_step(parts: Places, job: JobContext, event: EffectAsked, step: str, *, finished: bool) -> None:
    async with parts.primary.session() as session:
        await session.connection.execute(
            "insert into fault_steps (id, batch, step, lease, finished) values (%s, %s, %s, %s, %s)",
            [event.id, event.batch, step, job.lease, finished],
        )


def _meet(at: str, job: JobContext, trouble: Trouble) -> None:
    """The whole process is hit, with every other job that it runs."""
    if trouble.at == at and job.lease <= trouble.runs:
        os.kill(os.getpid(), signal.Signals(trouble.number))
