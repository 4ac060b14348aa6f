"""A Valkey of the test's own, which may be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from valkey_server import ValkeyServer


@pytest.fixture
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()
