"""The web application: the routes it is given, wrapped in what holds for every request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import CacheControlHeader, State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp, ControllerRouterHandler, Scope

from ments import __version__
from ments.observe import Observed, report_request_error
from ments.parts import Parts
from ments.settings import Settings
from ments.web.assets import DIST
from ments.web.body import BODY_MAX_BYTES, BoundedRequest
from ments.web.doorway import Doorway
from ments.web.health import Readiness, probes_of
from ments.web.kept_answers import KeptAnswers
from ments.web.origin import guard_origin
from ments.web.problems import render_error
from ments.web.straight import Straight, raise_failed

OpenParts = Callable[[Settings], AbstractAsyncContextManager[Parts]]


def build_site(
    settings: Settings,
    open_parts: OpenParts,
    routes: Sequence[ControllerRouterHandler],
    dependencies: Mapping[str, Any],
) -> ASGIApp:
    """Build the ASGI application.

    open_parts    entered when the server starts this process, left when it stops
    dependencies  providers that features add to `parts` and `readiness`
    """

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncIterator[None]:
        async with open_parts(settings) as parts, _keeping(parts, kept):
            app.state.parts = parts
            app.state.readiness = Readiness(probes_of(parts))
            yield

    app = Litestar(
        route_handlers=[*routes, *_static_routes()],
        lifespan=[opened],
        dependencies={
            "parts": Provide(provide_parts, sync_to_thread=False),
            "readiness": Provide(provide_readiness, sync_to_thread=False),
            **dependencies,
        },
        middleware=[guard_origin(settings.public_url), raise_failed],
        exception_handlers={Exception: render_error},
        after_exception=[report],
        request_class=BoundedRequest,
        request_max_body_size=BODY_MAX_BYTES,
        # One log: structlog's, written by `observe`. Errors are logged where they are rendered.
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="ments",
            version=__version__,
            path="/schema",
            # JSON only: the viewers that come with Litestar load scripts from other hosts.
            render_plugins=[JsonRenderPlugin(path="/")],
        ),
    )
    kept = KeptAnswers(Observed(Doorway(Straight(app), settings)), _kept_paths(app))
    return kept


@asynccontextmanager
async def _keeping(parts: Parts, kept: KeptAnswers) -> AsyncIterator[None]:
    if not parts.settings.answer_kept_s:
        yield
        return
    async with kept.attached(parts.heard, parts.settings.answer_kept_s):
        yield


def _kept_paths(app: Litestar) -> set[str]:
    """The addresses of routes that were declared with `keep=True`."""
    return {
        path
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.opt.get("keep")
        for path in handler.paths
    }


def _static_routes() -> list[Router]:
    """Serve the built files where no edge does; their names change with their content, so they may be kept for ever."""
    if not DIST.is_dir():
        return []
    forever = CacheControlHeader(public=True, max_age=365 * 24 * 3600, immutable=True)
    return [create_static_files_router(path="/static", directories=[DIST], cache_control=forever)]


async def report(error: Exception, scope: Scope) -> None:
    """Send what is ours to mend to the error reports, if they are on."""
    report_request_error(error, scope)


def provide_parts(state: State) -> Parts:
    """Hand the process's parts to a route that asks for `parts`."""
    parts: Parts = state.parts
    return parts


def provide_readiness(state: State) -> Readiness:
    """Hand out the process's one view of its parts' health."""
    readiness: Readiness = state.readiness
    return readiness
