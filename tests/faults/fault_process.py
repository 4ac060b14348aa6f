"""One process of the suite: `python fault_process.py worker|relay|producer JSON`, with the settings in its environment, or `run`.

worker    {"slots": {QUEUE: jobs at once}, "folder": work folder, "drain_s": how long jobs may go on after SIGTERM}
relay     {"dies": ""}
producer  {"event": name of its type, "batch": .., "jobs": .., "pause_s": .., "members": {..}, "dies": "",
           "accepted": file for the ids}

dies: "before" or "after" the queue is given jobs, the process kills itself with -9. "away" is no death: what is
sent at once fails, as when Valkey is away, and is left to the relay.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import fault_tasks
import msgspec
import psycopg
import psycopg_pool
import uvloop
from fault_pace import take_pace
from fault_tasks import BINDINGS, Places
from redis.exceptions import ConnectionError as ConnectionLost

from ments.db import Primary
from ments.jobs import JobQueues, Outbox, QueuedJob
from ments.jobs.process import relay, stop_on_signals, work
from ments.observe.logs import start_logging

_TRY_AGAIN_S = 0.1


class FaultyQueues(JobQueues):
    """The queues, for a process that ends at the moment of adding to them."""

    def __init__(self, redis_url: str, dies: str) -> None:
        super().__init__(redis_url)
        self._dies = dies

    async def add(self, jobs: Iterable[QueuedJob]) -> None:
        if self._dies == "away":
            raise ConnectionLost("Valkey is said to be away.")
        if self._dies == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await super().add(jobs)
        if self._dies == "after":
            os.kill(os.getpid(), signal.SIGKILL)


@asynccontextmanager
async def open_places(queues: JobQueues, folder: str) -> AsyncIterator[Places]:
    primary = Primary(os.environ["DATABASE_URL"])
    await primary.open()
    outbox = Outbox(primary, queues, BINDINGS)
    try:
        yield Places(primary, outbox, Path(folder))
    finally:
        await outbox.aclose()
        await primary.close()


async def run_worker(wish: dict[str, Any]) -> None:
    redis_url = os.environ["REDIS_URL"]
    stop = stop_on_signals()
    async with aclosing(JobQueues(redis_url)) as queues, open_places(queues, wish["folder"]) as parts:
        await work(
            wish["slots"], redis_url=redis_url, bindings=BINDINGS, parts=parts, stop=stop, drain_s=wish["drain_s"]
        )


async def run_relay(wish: dict[str, Any]) -> None:
    stop = stop_on_signals()
    queues = FaultyQueues(os.environ["REDIS_URL"], wish["dies"])
    async with aclosing(queues), open_places(queues, "") as parts:
        await relay(parts.primary, queues, bindings=BINDINGS, parts=parts, periodic=(), stop=stop)


async def run_producer(wish: dict[str, Any]) -> None:
    """Ask for effects, one a transaction, and note the id of each whose commit was acknowledged."""
    queues = FaultyQueues(os.environ["REDIS_URL"], wish["dies"])
    event_type = getattr(fault_tasks, wish["event"])
    accepted = 0
    async with aclosing(queues), open_places(queues, "") as parts:
        while accepted < wish["jobs"]:
            if await _ask(parts, event_type, wish, accepted):
                accepted += 1
                await asyncio.sleep(wish["pause_s"])
            else:
                await asyncio.sleep(_TRY_AGAIN_S)


async def _ask(parts: Places, event_type: type[Any], wish: dict[str, Any], number: int) -> bool:
    """Accept one job; whether the commit was acknowledged. A lost answer is asked again under another id."""
    members = {"id": uuid.uuid4(), "batch": wish["batch"], **wish["members"]}
    if event_type is fault_tasks.StepsAsked:
        members["account"] = number % 5
    event = msgspec.convert(members, event_type)
    try:
        async with parts.primary.transaction() as tx:
            await fault_tasks.ask(tx, event)
            await parts.outbox.emit(tx, event)
    except (psycopg.Error, psycopg_pool.PoolTimeout, OSError) as error:
        print(f"not accepted: {error}", file=sys.stderr)
        return False
    _note_accepted(Path(wish["accepted"]), event.id)
    return True


def _note_accepted(file: Path, event_id: uuid.UUID) -> None:
    with file.open("a") as opened:
        opened.write(f"{event_id}\n")


BODIES = {"worker": run_worker, "relay": run_relay, "producer": run_producer}


def run(kind: str, wish: dict[str, Any]) -> None:
    """Be that process until it ends."""
    start_logging("json", service=f"fault-{kind}")
    take_pace()
    uvloop.run(BODIES[kind](wish))


if __name__ == "__main__":
    run(sys.argv[1], json.loads(sys.argv[2]))
