"""Stores of the suite's own for one test process, a fleet and books for each test, and the times to recovery."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from fault_books import Books
from fault_fleet import Fleet
from fault_stores import FaultStores

from running_stack import open_folder

# How many jobs go through each fault.
_JOBS = int(os.environ.get("MENTS_FAULT_JOBS", "60"))
# Where `make test-faults` collects the times; one JSON object a line.
_FIGURES = os.environ.get("MENTS_FAULT_FIGURES", "")


class Recovery:
    """Prints how long it took until what a fault had hit was made good, and keeps it for `make test-faults`."""

    def note(self, fault: str, seconds: float, how: str) -> float:
        print(f"recovery after {fault}: {seconds:.2f} s ({how})")
        if _FIGURES:
            with Path(_FIGURES).open("a") as file:
                file.write(json.dumps({"fault": fault, "seconds": seconds, "jobs": _JOBS, "how": how}) + "\n")
        return seconds


@pytest.fixture(scope="session")
def jobs() -> int:
    return _JOBS


@pytest.fixture(scope="session")
def recovery() -> Recovery:
    return Recovery()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stores() -> AsyncIterator[FaultStores]:
    folder = open_folder("ments-faults-")
    opened = await FaultStores.open(folder)
    yield opened
    await opened.close()
    shutil.rmtree(folder)


@pytest.fixture
def books(stores: FaultStores) -> Books:
    return Books(stores)


@pytest.fixture
def fleet(stores: FaultStores) -> Iterator[Fleet]:
    """Nothing yet; what the test starts ends with it."""
    with open_fleet(stores) as started:
        yield started


@pytest.fixture(scope="module")
def crew(stores: FaultStores) -> Iterator[Fleet]:
    """A relay and two workers that go through all faults of a file, none of which is theirs."""
    with open_fleet(stores) as started:
        started.relay()
        started.work()
        started.work()
        yield started


@contextmanager
def open_fleet(stores: FaultStores) -> Iterator[Fleet]:
    folder = open_folder("ments-fleet-")
    started = Fleet(stores, folder)
    try:
        yield started
    finally:
        started.end()
        print(started.tails())
        shutil.rmtree(folder)
