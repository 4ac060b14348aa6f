"""A Valkey of the test's own, which may be killed, and events and tasks that only these tests know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import structlog
from job_world import JobWorld

from ments.jobs import JobQueues
from ments.parts import Parts
from valkey_server import ValkeyServer


@pytest.fixture(autouse=True)
def _plain_logs() -> Iterator[None]:
    """structlog's default draws tracebacks for half a second each, which is time that these tests measure."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        cache_logger_on_first_use=False,
    )
    yield
    structlog.reset_defaults()


@pytest.fixture
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()


@pytest_asyncio.fixture
async def queues(valkey_server: ValkeyServer) -> AsyncIterator[JobQueues]:
    queues = JobQueues(valkey_server.url)
    yield queues
    await queues.aclose()


@pytest.fixture
def world(parts: Parts, queues: JobQueues, valkey_server: ValkeyServer) -> JobWorld:
    """A ledger and a queue; `parts` is for its database alone."""
    return JobWorld(parts.primary, queues, valkey_server)
