"""Where the parts are joined: the only module that knows every room.

A feature adds one line here: its routes to ROUTES, its tasks to TASKS, its events to BINDINGS, its periodic
work to PERIODIC.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from granian.constants import Interfaces, Loops
from granian.server import Server
from litestar.types import ASGIApp

from ments.accounts import api as accounts_api
from ments.accounts import pages as accounts_pages
from ments.accounts import tasks as accounts_tasks
from ments.accounts.viewers import DEPENDENCIES as VIEWER_DEPENDENCIES
from ments.cache import PageCache, Valkey
from ments.db import Primary, Replica
from ments.edge.media_urls import MediaUrls
from ments.jobs import Bindings, JobQueues, Outbox, PeriodicTask, TaskDefinition
from ments.observe import Observed, start_observing, stop_observing
from ments.parts import Parts
from ments.settings import Settings, read_settings
from ments.storage import Bucket, Signer
from ments.web import health
from ments.web.site import build_site

# Requests: handlers, controllers, routers.
ROUTES: list[Any] = [
    *health.ROUTES,
    *accounts_api.ROUTES,
    *accounts_pages.ROUTES,
]
# Event type -> the tasks that it causes; an empty tuple when nothing listens yet.
BINDINGS: dict[type[Any], Sequence[TaskDefinition]] = {}
# Tasks that no event of ours causes, only producers outside.
TASKS: list[TaskDefinition] = []
# Work that the relay repeats, one at a time for the whole deployment.
PERIODIC: list[PeriodicTask] = [
    *accounts_tasks.PERIODIC,
]

_BACKLOG = 1024
# Requests that one process works on; the rest wait in the backlog, and past that the edge answers.
_CONCURRENT_REQUESTS = 512
_STOP_S = 10


@asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Open the process's connections, and close them at the end, last opened first.

    The pools connect in the background: a part that is down shows in /api/ready, not here.
    """
    async with AsyncExitStack() as stack:
        primary = Primary(settings.database_url)
        await primary.open()
        stack.push_async_callback(primary.close)
        replica = Replica(settings.database_replica_urls, primary)
        await replica.open()
        stack.push_async_callback(replica.close)
        valkey = Valkey(settings.redis_url)
        stack.push_async_callback(valkey.close)
        queues = JobQueues(settings.redis_url)
        stack.push_async_callback(queues.close)
        yield Parts(
            settings=settings,
            primary=primary,
            replica=replica,
            valkey=valkey,
            pages=PageCache(valkey),
            bucket=Bucket(settings),
            signer=Signer(settings),
            media_urls=MediaUrls(settings),
            outbox=Outbox(primary, queues, Bindings(BINDINGS, TASKS)),
        )


def create_app(settings: Settings, routes: Sequence[Any] = ROUTES) -> ASGIApp:
    """Build the web application for these settings, without opening anything yet."""
    return Observed(build_site(settings, open_parts, routes, VIEWER_DEPENDENCIES))  # type: ignore[arg-type, return-value]  # ASGI, spelled twice


def create_asgi() -> ASGIApp:
    """Build the web application of this process from its environment: granian calls it once a process."""
    settings = read_settings(os.environ)
    start_observing(settings, "ments-api")
    return create_app(settings)


def run_api(settings: Settings) -> None:
    """Serve the API until SIGTERM or SIGINT: several processes on one port, replaced when they die.

    The processes read the environment themselves, so `settings` must have come from it.
    """
    Server(
        target="ments.app:create_asgi",
        factory=True,
        address=settings.api_bind,
        port=settings.api_port,
        interface=Interfaces.ASGI,
        workers=max(2, settings.api_workers),
        loop=Loops.uvloop,
        backlog=_BACKLOG,
        backpressure=_CONCURRENT_REQUESTS,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=_STOP_S,
        websockets=False,
    ).serve()
