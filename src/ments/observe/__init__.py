"""Seen from outside: logs, traces, error reports, metrics.

A process calls `start_observing(settings, "ments-api")` once and `stop_observing()` at its end. Inside,
`with span("probe"):` times a step, `report_error(error)` reports what nobody else will see.
"""

from ments.observe.exporter import serve_metrics, share_between_processes
from ments.observe.logs import start_logging
from ments.observe.metrics import count_answers
from ments.observe.middleware import Observed
from ments.observe.process import start_observing, stop_observing
from ments.observe.reports import report_error, report_request_error
from ments.observe.scrub import scrub, scrub_text
from ments.observe.trace import (
    current_trace_id,
    current_traceparent,
    is_exporting,
    parse_traceparent,
    span,
    trace_from,
)

__all__ = [
    "Observed",
    "count_answers",
    "current_trace_id",
    "current_traceparent",
    "is_exporting",
    "parse_traceparent",
    "report_error",
    "report_request_error",
    "scrub",
    "scrub_text",
    "serve_metrics",
    "share_between_processes",
    "span",
    "start_logging",
    "start_observing",
    "stop_observing",
    "trace_from",
]
