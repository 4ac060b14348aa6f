"""Sending jobs in tests, on a machine that others load: a sender that waits for its answers, and a relay for what others leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from redis.asyncio import Redis

from ments.db import Primary
from ments.jobs import Bindings, JobQueues, Outbox
from ments.jobs.relay import Relay

PATIENCE_S = 60.0


@asynccontextmanager
async def open_patient_queues(redis_url: str) -> AsyncIterator[JobQueues]:
    """Queues whose connections wait for Valkey; a deployment's give up after a second, since a relay comes behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ments.jobs.queue.connect_producer", lambda url: Redis.from_url(url, decode_responses=True))
        queues = JobQueues(redis_url)
    async with aclosing(queues):
        yield queues


@asynccontextmanager
async def open_patient_outbox(primary: Primary, redis_url: str, bindings: Bindings) -> AsyncIterator[Outbox]:
    """An outbox that sends all by itself, in order and within the trace of its request, however long Valkey takes."""
    async with open_patient_queues(redis_url) as queues:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ments.jobs.sender._ENQUEUE_TIMEOUT_S", PATIENCE_S)
            async with aclosing(Outbox(primary, queues, bindings)) as outbox:
                yield outbox


@asynccontextmanager
async def relaying(primary: Primary, queues: JobQueues) -> AsyncIterator[None]:
    """Run a relay until the block ends: the senders of other processes leave to it what they cannot send within a second."""
    stop = asyncio.Event()
    running = asyncio.create_task(Relay(primary, queues).run(stop))
    try:
        yield
    finally:
        stop.set()
        await running
