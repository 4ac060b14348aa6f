"""Traces: W3C ids that every request and job carries, and spans that are exported when a collector is set.

Without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is recorded, yet there is a trace id: logs, error reports and
`X-Trace-Id` name it, and the outbox row takes it along.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from ments.observe.scrub import scrub_text

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Attribute = str | bool | int | float
Kind = Literal["internal", "server", "producer", "consumer"]

_KINDS: dict[str, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
# Short, so that a span is seen within a second of its end; a batch still holds many.
_EXPORT_EVERY_MS = 500
_EXPORT_TIMEOUT_S = 3


class _Export:
    """What this process exports with; nothing until `start_tracing`."""

    provider: TracerProvider | None = None
    tracer: trace.Tracer | None = None


def start_tracing(endpoint: str, *, service: str, environment: str) -> None:
    """Export spans to `{endpoint}/v1/traces` (OTLP over HTTP, protobuf); an empty endpoint exports nothing.

    Once a process, after any fork.
    """
    if not endpoint or _Export.provider is not None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": service, "deployment.environment.name": environment})
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_TIMEOUT_S)
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_EXPORT_EVERY_MS))
    _Export.provider, _Export.tracer = provider, provider.get_tracer("ments")


def stop_tracing() -> None:
    """Send what is left, for a few seconds at most."""
    provider, _Export.provider, _Export.tracer = _Export.provider, None, None
    if provider is not None:
        provider.shutdown()


def is_exporting() -> bool:
    """Whether spans are sent anywhere; without that there is no more to a request's trace than its id."""
    return _Export.tracer is not None


@contextmanager
def span(name: str, *, kind: Kind = "internal", **attributes: Attribute) -> Iterator[Span]:
    """Time a step within the present trace: `with span("probe", bytes=size) as step: ...`.

    An exception marks the span as failed and passes through. Costs next to nothing when nothing is exported.
    """
    if _Export.tracer is None:
        yield trace.INVALID_SPAN
        return
    with (
        _Export.tracer.start_as_current_span(
            name, kind=_KINDS[kind], attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as current,
        _failures_shown(current),
    ):
        yield current


@contextmanager
def trace_from(
    traceparent: str | None, name: str, *, kind: Kind = "internal", **attributes: Attribute
) -> Iterator[Span]:
    """Enter a trace from outside: the one that `traceparent` (W3C) names, or a new one when it names none."""
    parent = parse_traceparent(traceparent)
    if _Export.tracer is None:
        # No span is recorded; the ids are there all the same.
        flags = parent.trace_flags if parent else _SAMPLED
        trace_id = parent.trace_id if parent else _random_id(128)
        current: Span = NonRecordingSpan(SpanContext(trace_id, _random_id(64), is_remote=False, trace_flags=flags))
        token = context.attach(trace.set_span_in_context(current, context.Context()))
        try:
            yield current
        finally:
            context.detach(token)
        return
    within = context.Context()
    if parent:
        within = trace.set_span_in_context(NonRecordingSpan(parent), within)
    with (
        _Export.tracer.start_as_current_span(
            name,
            context=within,
            kind=_KINDS[kind],
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as current,
        _failures_shown(current),
    ):
        yield current


@contextmanager
def _failures_shown(current: Span) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        message = scrub_text(str(error))
        current.add_event("exception", {"exception.type": type(error).__qualname__, "exception.message": message})
        current.set_status(Status(StatusCode.ERROR, message))
        raise


def current_ids() -> tuple[str, str] | None:
    """The present trace's id (32 hex digits) and span's (16); None outside every trace."""
    ids = trace.get_current_span().get_span_context()
    return (f"{ids.trace_id:032x}", f"{ids.span_id:016x}") if ids.is_valid else None


def current_trace_id() -> str | None:
    """The present trace's id, 32 hex digits; None outside every trace."""
    ids = current_ids()
    return ids[0] if ids else None


def current_traceparent() -> str | None:
    """The present place in the trace, as W3C's header has it; None outside every trace."""
    ids = trace.get_current_span().get_span_context()
    if not ids.is_valid:
        return None
    return f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{ids.trace_flags:02x}"


def parse_traceparent(traceparent: str | None) -> SpanContext | None:
    """Read W3C's header; None when it is missing, malformed or all zeros. Pure."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if match is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in match.groups())
    parsed = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & TraceFlags.SAMPLED))
    return parsed if parsed.is_valid else None


def _random_id(bits: int) -> int:
    return random.getrandbits(bits) or 1
