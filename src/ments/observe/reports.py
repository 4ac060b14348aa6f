"""Error reports to Sentry, or whatever speaks its protocol; only when `SENTRY_DSN` is set.

What is sent is chosen, not filtered: the exception with its stack (no local variables), the tags given here, the
trace id, the method and path of the request. No bodies, no cookies, no headers but a few.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from ments.errors import MentsError
from ments.observe.scrub import scrub, scrub_text
from ments.observe.trace import current_ids

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_SEND_TIMEOUT_S = 2.0
_HEADERS_SHOWN = frozenset({"accept", "content-type", "content-length", "user-agent", "host"})
_LOWEST_REPORTED_STATUS = 500


class _State:
    on = False


def start_reports(dsn: str, *, service: str, environment: str) -> None:
    """Turn reports on when `dsn` is not empty; once a process."""
    if not dsn:
        return
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.threading import ThreadingIntegration

    sentry_sdk.init(
        dsn=dsn,
        release=f"ments@{version('ments')}",
        environment=environment,
        server_name=service,
        # Nothing is patched: reports are made where errors end (`report_error`), and for what ends a process.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda _pending, _timeout: None),
            DedupeIntegration(),
            ExcepthookIntegration(),
            ThreadingIntegration(propagate_scope=False),
        ],
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        traces_sample_rate=None,
        propagate_traces=False,
        shutdown_timeout=_SEND_TIMEOUT_S,
        before_send=_before_send,
    )
    sentry_sdk.get_global_scope().set_tag("service", service)
    _State.on = True


def stop_reports() -> None:
    """Send what is left, for two seconds at most."""
    if not _State.on:
        return
    import sentry_sdk

    sentry_sdk.get_client().close(timeout=_SEND_TIMEOUT_S)
    _State.on = False


def is_reportable(error: BaseException) -> bool:
    """Say whether an error is ours to mend: not an answer below 500, not the end of a process. Pure."""
    if not isinstance(error, Exception):
        return False
    if isinstance(error, MentsError):
        return error.problem_status >= _LOWEST_REPORTED_STATUS
    # Litestar's HTTPException and its like carry the status of their answer.
    status = getattr(error, "status_code", None)
    return not (isinstance(status, int) and status < _LOWEST_REPORTED_STATUS)


def report_error(error: BaseException, *, context: Mapping[str, Any] | None = None, **tags: str) -> None:
    """Report an error with the present trace id; does nothing when reports are off.

    context  JSON-like facts beside it (secrets in it are hidden)
    tags     short texts to search by, such as task="transcode"
    """
    if not _State.on:
        return
    import sentry_sdk

    with sentry_sdk.new_scope() as scope:
        for name, value in tags.items():
            scope.set_tag(name, value)
        if context:
            scope.set_context("ments", scrub(context))
        sentry_sdk.capture_exception(error, scope=scope)


def report_request_error(error: BaseException, scope: Mapping[str, Any]) -> None:
    """Report what a request ended with, when it is ours to mend.

    scope  the ASGI scope. The signature is that of Litestar's `after_exception` hooks.
    """
    if not _State.on or not is_reportable(error):
        return
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", ())}
    report_error(
        error,
        context={
            "method": scope.get("method"),
            "path": scope.get("path"),
            "route": scope.get("path_template"),
            "headers": {name: value for name, value in headers.items() if name in _HEADERS_SHOWN},
        },
        method=str(scope.get("method", "")),
        route=str(scope.get("path_template") or "unmatched"),
    )


def _before_send(event: Event, _hint: Hint) -> Event | None:
    """Put our trace id in, and take out what no report may hold."""
    raw = cast("dict[str, Any]", event)
    for unwanted in ("request", "user", "breadcrumbs", "modules", "extra"):
        raw.pop(unwanted, None)
    ids = current_ids()
    contexts = raw.setdefault("contexts", {})
    contexts.pop("trace", None)
    if ids is not None:
        contexts["trace"] = {"trace_id": ids[0], "span_id": ids[1]}
        raw.setdefault("tags", {})["trace_id"] = ids[0]
    for thrown in raw.get("exception", {}).get("values", ()):
        thrown["value"] = scrub_text(str(thrown.get("value") or ""))
        for frame in (thrown.get("stacktrace") or {}).get("frames", ()):
            frame.pop("vars", None)
    if isinstance(raw.get("message"), str):
        raw["message"] = scrub_text(raw["message"])
    return event
