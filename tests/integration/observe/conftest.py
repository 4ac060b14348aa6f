"""A collector, and a process that is observed for the length of a test."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog

from collector import Collector
from ments.observe import start_observing, stop_observing
from ments.parts import Parts
from ments.settings import Settings
from valkey_server import ValkeyServer


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture
def observed(collector: Collector, parts: Parts) -> Iterator[Settings]:
    """Settings with both addresses set, of a process that reports to the collector."""
    settings = replace(parts.settings, otlp_endpoint=collector.endpoint, sentry_dsn=collector.dsn, environment="test")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    start_observing(settings, "ments-api")
    yield settings
    stop_observing()
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()
