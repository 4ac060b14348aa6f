"""In which order and by which process a whole run goes through the files: what takes longest first, what mostly waits beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

# A fault is waited for rather than computed: one process goes through all of them while the other works.
_WAITS = "tests/faults/"
# They hurt one stack, one after the other.
_HURT = (
    "tests/integration/stack/test_stack_lifecycle.py",
    "tests/journey/test_killed_parts.py",
    "tests/journey/test_put_off.py",
)
_FIRST = (
    *_HURT,
    _WAITS,
    "tests/integration/stack/",
    "tests/journey/",
    "tests/integration/media/",
    "tests/integration/jobs/",
    "tests/integration/cli/",
    "tests/integration/",
)


class LongestFirst(LoadScopeScheduling):
    """Hands out whole files in the order of collection; all tests of faults are one, and so are those that hurt a stack."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_WAITS):
            return _WAITS
        return "hurt" if nodeid.startswith(_HURT) else nodeid.split("::", 1)[0]


def rank(nodeid: str) -> int:
    """Where a test's file stands in a run; the same in every process."""
    return next((n for n, folder in enumerate(_FIRST) if nodeid.startswith(folder)), len(_FIRST))
