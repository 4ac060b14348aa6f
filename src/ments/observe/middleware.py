"""What every request passes on its way in: a trace, a line in the log, a measured time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from prometheus_client import Gauge, Histogram

from ments.observe.logs import log_request
from ments.observe.metrics import HTTP_RUNNING, HTTP_SECONDS
from ments.observe.reports import report_request_error
from ments.observe.sample import sample_if_due
from ments.observe.trace import trace_from

# An ASGI application: (scope, receive, send). Each framework has types of its own for the three.
App = Callable[[Any, Any, Any], Awaitable[None]]

# Asked every few seconds by probes: measured, not logged.
_UNLOGGED = frozenset({"/api/health", "/api/ready"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SERVER_ERROR = 500
# nginx's figure for a reader who left before the answer began.
_CLIENT_GONE = 499


class Observed:
    """Wraps the whole ASGI app, outermost. Adds `X-Trace-Id` to every answer."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        # The app replaces scope["path"] by what it matched.
        method, path = scope["method"], scope["path"]
        status = 0
        sent_bytes = 0
        traceparent = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
        method_label = method if method in _METHODS else "other"
        running = _running(method_label)
        running.inc()
        with trace_from(traceparent.decode("latin-1"), method, kind="server") as current:
            trace_header = (b"x-trace-id", f"{current.get_span_context().trace_id:032x}".encode())

            async def send_traced(message: Any) -> None:
                nonlocal status, sent_bytes
                if message["type"] == "http.response.start":
                    status = message["status"]
                    message["headers"] = [*message.get("headers", ()), trace_header]
                elif message["type"] == "http.response.body":
                    sent_bytes += len(message.get("body", b""))
                await send(message)

            try:
                await self._app(scope, receive, send_traced)
            except Exception as error:
                # Only what the app itself did not turn into an answer.
                status = status or _SERVER_ERROR
                report_request_error(error, scope)
                raise
            finally:
                took_s = time.perf_counter() - started
                # Without a route the path is whatever somebody made up: never a label.
                route = scope.get("path_template") or "unmatched"
                status = status or _CLIENT_GONE
                running.dec()
                _seconds(method_label, route, status).observe(took_s)
                sample_if_due()
                if current.is_recording():
                    current.update_name(f"{method} {route}")
                    current.set_attributes(
                        {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                    )
                if path not in _UNLOGGED:
                    log_request(
                        method=method,
                        path=path,
                        route=route,
                        status=status,
                        ms=round(took_s * 1000, 2),
                        bytes=sent_bytes,
                    )


# Both looked up once: the library asks for a lock, and builds a key, each time.
@cache
def _seconds(method: str, route: str, status: int) -> Histogram:
    return HTTP_SECONDS.labels(method, route, str(status))


@cache
def _running(method: str) -> Gauge:
    return HTTP_RUNNING.labels(method)
