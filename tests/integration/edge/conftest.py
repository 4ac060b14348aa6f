"""One edge a test process, before the stack's real storage and an origin that says what the test wants."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from edge_server import EdgeServer, Origin, running_edge
from ments.settings import Settings, read_settings
from ments.storage import Bucket
from running_stack import RunningStack


@pytest.fixture(scope="session")
def _origin() -> Iterator[Origin]:
    origin = Origin()
    origin.start()
    yield origin
    origin.stop()


@pytest.fixture
def origin(_origin: Origin) -> Origin:
    _origin.reset()
    return _origin


@pytest.fixture(scope="session")
def edge(stack: RunningStack, _origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeServer]:
    with running_edge(tmp_path_factory.mktemp("edge"), stack.env, _origin.port) as running:
        yield running


@pytest.fixture(scope="session")
def settings(stack: RunningStack) -> Settings:
    return read_settings(stack.env)


@pytest.fixture(scope="session")
def bucket(settings: Settings) -> Bucket:
    return Bucket(settings)


@pytest.fixture
def media_id() -> str:
    return str(uuid4())
