"""Where the parts are joined: beside `rooms` the only module that knows every room.

A feature adds its routes to `list_routes`, and its tasks to `rooms.ROOMS`. What only the API needs is imported when
the API is built: workers and the relay start without it, in half the time and memory.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import uvloop

from ments.cache import Heard, PageCache, Valkey
from ments.cache.kept import Kept
from ments.cache.versioned import Versioned
from ments.db import Primary, Replica, Session
from ments.edge.media_urls import MediaUrls
from ments.jobs import JobQueues, Outbox
from ments.jobs.backlog import Backlog
from ments.jobs.process import relay, stop_on_signals, work
from ments.jobs.rooms import join_rooms
from ments.jobs.slots import choose_slots
from ments.observe import serve_metrics, share_between_processes, start_logging, start_observing, stop_observing
from ments.parts import Parts
from ments.rooms import ROOMS
from ments.settings import Settings, read_settings
from ments.storage import Bucket, Signer

if TYPE_CHECKING:
    from litestar.types import ASGIApp

    from ments.web.site import OpenParts

Result = TypeVar("Result")


# Requests that one process works on; who comes meanwhile is told to come again.
_CONCURRENT_REQUESTS = 512
# A session that ends is dropped by who hears of it. This long it may live on where the word of it was lost.
_SESSION_KEPT_S = 10.0
_SESSIONS_KEPT = 50_000
_FRAGMENT_S = 3600
_FRAGMENTS_MAX_BYTES = 64 * 1024 * 1024


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
        stack.push_async_callback(queues.aclose)
        outbox = Outbox(primary, queues, join_rooms(ROOMS).bindings)
        stack.push_async_callback(outbox.aclose)
        heard = Heard(valkey)
        yield Parts(
            settings=settings,
            primary=primary,
            replica=replica,
            valkey=valkey,
            pages=PageCache(valkey),
            heard=heard,
            sessions=Kept(heard, keep_s=_SESSION_KEPT_S, entries_max=_SESSIONS_KEPT, bytes_max=_SESSIONS_KEPT),
            fragments=open_fragments(valkey),
            bucket=Bucket(settings),
            signer=Signer(settings),
            media_urls=MediaUrls(settings.media_signing_keys, settings.cdn_url),
            outbox=outbox,
            backlogs=(
                Backlog(
                    primary,
                    queues,
                    "media",
                    waiting_max=settings.media_waiting_max,
                    wait_max_s=settings.media_wait_max_s,
                ),
                # A film of an hour waits for hours by nature, after it plays: only its pieces' number is bounded.
                Backlog(primary, queues, "ladder", waiting_max=settings.ladder_waiting_max, wait_max_s=0),
            ),
            sees_media=_sees_media,
        )


def open_fragments(valkey: Valkey) -> Versioned[Any]:
    """What the process keeps of cards, see `posts.fragments`."""
    from ments.posts.card_bytes import read_fragment, write_fragment

    return Versioned(
        valkey, read=read_fragment, write=write_fragment, ttl_s=_FRAGMENT_S, bytes_max=_FRAGMENTS_MAX_BYTES
    )


async def _sees_media(session: Session, viewer_id: UUID | None, media_id: UUID) -> bool:
    from ments.posts.seen import sees_media

    return await sees_media(session, viewer_id, media_id)


async def with_parts(settings: Settings, work: Callable[[Parts], Awaitable[Result]]) -> Result:
    """Do one thing with the parts open, as an operator's command does. Raises psycopg.Error at once when Postgres is away."""
    async with open_parts(settings) as parts:
        await parts.primary.reach()
        return await work(parts)


def list_routes() -> list[Any]:
    """Every request that is answered: handlers, controllers, routers."""
    from ments.accounts import api as accounts_api
    from ments.accounts import pages as accounts_pages
    from ments.feeds import api as feeds_api
    from ments.feeds import events_api, list_pages, live
    from ments.feeds import pages as feeds_pages
    from ments.feeds.rank_routes import ROUTES as RANK_ROUTES
    from ments.media import api as media_api
    from ments.operations import api as operations_api
    from ments.operations import pages as operations_pages
    from ments.posts import api as posts_api
    from ments.posts import pages as posts_pages
    from ments.posts import reactions_api, reactions_pages
    from ments.relationships import api as relationships_api
    from ments.relationships import pages as relationships_pages
    from ments.web import health, well_known

    return [
        *health.ROUTES,
        *well_known.ROUTES,
        *accounts_api.ROUTES,
        *accounts_pages.ROUTES,
        *relationships_api.ROUTES,
        *relationships_pages.ROUTES,
        *media_api.ROUTES,
        *posts_api.ROUTES,
        *reactions_api.ROUTES,
        *feeds_api.ROUTES,
        *events_api.ROUTES,
        *live.ROUTES,
        *posts_pages.ROUTES,
        *reactions_pages.ROUTES,
        *feeds_pages.ROUTES,
        *list_pages.ROUTES,
        *RANK_ROUTES,
        *operations_api.ROUTES,
        *operations_pages.ROUTES,
    ]


def create_app(settings: Settings, opened: OpenParts = open_parts) -> ASGIApp:
    """Build the web application for these settings; `opened` is entered when the server starts it."""
    from ments.accounts.viewers import DEPENDENCIES
    from ments.web.site import build_site

    return build_site(settings, opened, list_routes(), DEPENDENCIES)


@asynccontextmanager
async def _open_observed(settings: Settings) -> AsyncIterator[Parts]:
    """Open the parts of a process that is observed; the last spans and reports are sent when it stops."""
    try:
        async with open_parts(settings) as parts:
            yield parts
    finally:
        stop_observing()


def create_asgi() -> ASGIApp:
    """Build the web application of this process from its environment: the server calls it once a process."""
    settings = read_settings(os.environ)
    start_observing(settings, "ments-api")
    return create_app(settings, opened=_open_observed)


def run_api(settings: Settings) -> None:
    """Serve the API until SIGTERM or SIGINT: several processes on one port, replaced when they die.

    The processes read the environment themselves, so `settings` must have come from it.
    """
    from ments.feeds.live import LIVE_STREAMS_MAX
    from ments.web.server import serve

    # The first process serves nothing, and tells when it replaces one that died.
    start_logging(settings.log_format, service="ments-api")
    join_rooms(ROOMS).refuse_broken()
    stop_metrics = None
    if settings.metrics_port:
        # The processes count in files; this one adds them up and shows them.
        share_between_processes(settings.home / "run" / f"metrics-{settings.api_port}")
        stop_metrics = serve_metrics(settings.metrics_port)
    serve(
        "ments.app:create_asgi",
        host=settings.api_bind,
        port=settings.api_port,
        processes=max(2, settings.api_workers),
        # Streams wait, they don't work: as many places more as there may be of them.
        at_work_max=_CONCURRENT_REQUESTS + LIVE_STREAMS_MAX,
    )
    if stop_metrics is not None:
        stop_metrics()


def run_worker(settings: Settings, queues: Sequence[str]) -> None:
    """Run the jobs of these queues until SIGTERM or SIGINT; what runs then is finished or handed back.

    Raises JobsError as choose_slots does.
    """
    slots = choose_slots(settings, queues)

    async def body() -> None:
        stop = stop_on_signals()
        async with open_parts(settings) as parts:
            await work(slots, redis_url=settings.redis_url, bindings=join_rooms(ROOMS).bindings, parts=parts, stop=stop)

    _run_observed(settings, "ments-worker", body)


def run_relay(settings: Settings) -> None:
    """Send what the outbox still holds and run the periodic work, until SIGTERM or SIGINT."""

    async def body() -> None:
        stop = stop_on_signals()
        async with open_parts(settings) as parts, aclosing(JobQueues(settings.redis_url)) as queues:
            joined = join_rooms(ROOMS)
            await relay(
                parts.primary, queues, bindings=joined.bindings, parts=parts, periodic=joined.periodic, stop=stop
            )

    _run_observed(settings, "ments-relay", body)


def _run_observed(settings: Settings, service: str, body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    start_observing(settings, service)
    stop_metrics = serve_metrics(settings.metrics_port)
    try:
        uvloop.run(body())
    finally:
        stop_metrics()
        stop_observing()
