"""Turn everything on that lets a process be seen, and off again."""

from __future__ import annotations

import structlog

from ments.observe.logs import start_logging
from ments.observe.reports import start_reports, stop_reports
from ments.observe.sample import name_service
from ments.observe.trace import start_tracing, stop_tracing
from ments.settings import Settings

log = structlog.get_logger()


def start_observing(settings: Settings, service: str) -> None:
    """Start logs, and traces and error reports where their addresses are set.

    service  ments-api, ments-worker or ments-relay. Call once a process, after any fork.
    """
    name_service(service)
    start_logging(settings.log_format, service=service)
    start_tracing(settings.otlp_endpoint, service=service, environment=settings.environment)
    start_reports(settings.sentry_dsn, service=service, environment=settings.environment)
    log.info("started", traces=bool(settings.otlp_endpoint), reports=bool(settings.sentry_dsn))


def stop_observing() -> None:
    """Send the spans and reports that wait; takes five seconds at most."""
    stop_tracing()
    stop_reports()
