"""A Valkey of the test's own, which may be killed, and events and tasks that only these tests know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from valkey_server import ValkeyServer

from ments.jobs import JobQueues


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
