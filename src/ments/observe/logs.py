"""Logs: one JSON object a line on stdout (or lines for people), with the trace id, and without secrets."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ments.observe.scrub import HIDDEN, is_secret_name, scrub, scrub_text
from ments.observe.trace import current_ids

# Fields whose values this module makes itself.
_OURS: Final = frozenset({"timestamp", "trace_id", "span_id", "level", "service", "method", "route"})
_encoder = msgspec.json.Encoder(enc_hook=str)
# Libraries that tell of every request or connection at INFO.
_QUIET: Final = (
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "urllib3",
    "botocore",
    "boto3",
    "uvicorn.access",
    "PIL",
    "asyncio",
)


def start_logging(log_format: str, *, service: str, level: int = logging.INFO) -> None:
    """Send structlog's and the standard library's records to stdout, in one shape.

    log_format  json, or console
    service     becomes the field `service` of every line
    """

    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        add_service,
        add_trace_ids,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    ending: list[Processor] = [structlog.processors.format_exc_info, hide_secrets]
    if log_format == "console":
        # Plain tracebacks: the pretty ones show local variables.
        ending.append(
            structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)
        )
    else:
        ending.append(_render_json)

    _Requests.service, _Requests.writer = service, structlog.PrintLogger(sys.stdout) if level <= logging.INFO else None
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[_name_logger, structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def log_request(*, method: str, path: str, route: str, status: int, ms: float, bytes: int) -> None:  # noqa: A002 (the field's name)
    """Write the line of a request.

    The line is the one that `log.info("request", ...)` writes, made in half the time: each request has one.
    """
    processors, writer = structlog.get_config()["processors"], _Requests.writer
    is_json = bool(processors) and processors[-1] is _render_json
    # Otherwise it is for people, or for somebody else who hears what is logged, or there is more to say.
    if writer is None or not is_json or structlog.contextvars.get_contextvars():
        log = structlog.get_logger("ments.access")
        log.info("request", method=method, path=path, route=route, status=status, ms=ms, bytes=bytes)
        return
    fields = {
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "level": "info",
        "event": "request",
        "method": method,
        "path": scrub_text(path),
        "route": route,
        "status": status,
        "ms": ms,
        "bytes": bytes,
        "service": _Requests.service,
    }
    writer.msg(_encoder.encode(add_trace_ids(None, "info", fields)).decode())


class _Requests:
    """What lines of requests are written with, once logging has started."""

    service = ""
    writer: structlog.PrintLogger | None = None


def add_trace_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add trace_id and span_id when there are any."""
    ids = current_ids()
    if ids is not None:
        event["trace_id"], event["span_id"] = ids
    return event


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide secrets by the names of fields and by the shape of values, tracebacks included."""
    for key, value in event.items():
        if isinstance(value, str):
            if value and is_secret_name(key):
                event[key] = HIDDEN
            elif key not in _OURS:
                event[key] = scrub_text(value)
        elif value is not None and not isinstance(value, int | float):
            event[key] = HIDDEN if is_secret_name(key) else scrub(value)
    return event


def _name_logger(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record = cast("logging.LogRecord | None", event.get("_record"))
    if record is not None:
        event["logger"] = record.name
    return event


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    ordered: dict[str, Any] = {"timestamp": event.pop("timestamp", None), "level": event.pop("level", None)}
    ordered["event"] = event.pop("event", "")
    ordered.update(event)
    return _encoder.encode(ordered).decode()
