"""A worker process that is observed: `python observed_worker.py`, its settings in the environment.

Its task takes a step of its own, then fails in the way that the event asks for.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from ments.db import Primary
from ments.errors import Permanent
from ments.jobs import Bindings, JobContext, task
from ments.jobs.process import stop_on_signals, work
from ments.observe import span, start_observing, stop_observing
from ments.settings import Settings, read_settings


@dataclass(frozen=True)
class Sent:
    ends: str


@task(queue="default", name="step", attempts=2, backoff_s=0.1)
async def step(parts: None, job: JobContext, event: Sent) -> None:
    with span("encode", rung="720p"):
        await asyncio.sleep(0.01)
    if event.ends == "bug":
        password = "hunter2"
        raise RuntimeError(f"postgresql://ments:{password}@127.0.0.1/x broke, X-Amz-Signature={password}")
    if event.ends == "bad file":
        raise Permanent("This file is no video.")


BINDINGS = Bindings({Sent: (step,)})


async def main(settings: Settings) -> None:
    primary = Primary(settings.database_url)
    await primary.open()
    await work(
        {"default": 2},
        redis_url=settings.redis_url,
        bindings=BINDINGS,
        parts=None,
        primary=primary,
        stop=stop_on_signals(),
    )
    await primary.close()


if __name__ == "__main__":
    settings = read_settings(os.environ)
    start_observing(settings, "ments-worker")
    asyncio.run(main(settings))
    stop_observing()
