"""In which order and by which process a whole run goes through the files: what takes longest first, what mostly waits beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

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


# What mostly waits: a third process, if there is one, does this and nothing else, beside the two that compute.
_WAITING = (
    _WAITS,
    "tests/integration/jobs/test_jobs_worker.py",
    "tests/integration/jobs/test_jobs_reconciler.py",
    "tests/integration/jobs/test_jobs_fairness.py",
    "tests/integration/jobs/test_jobs_clock.py",
    "tests/integration/jobs/test_jobs_node_answer.py",
    "tests/integration/edge/test_edge_pages.py",
    "tests/integration/storage/test_storage_webhook.py",
    "tests/integration/cache/test_cache_pages.py",
)
_WAITER = "gw2"


class LongestFirst(LoadScopeScheduling):
    """Hands out whole files in the order of collection; all tests of faults are one, and so are those that hurt a stack."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_WAITS):
            return _WAITS
        return "hurt" if nodeid.startswith(_HURT) else nodeid.split("::", 1)[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        waits = node.gateway.id == _WAITER
        has_waiter = any(other.gateway.id == _WAITER for other in self.nodes)
        scope = next((scope for scope in self.workqueue if not has_waiter or (scope in _WAITING) == waits), None)
        if scope is None and waits:
            node.shutdown()  # after what it has at hand
            return
        self.workqueue.move_to_end(scope or next(iter(self.workqueue)), last=False)
        super()._assign_work_unit(node)


def rank(nodeid: str) -> int:
    """Where a test's file stands in a run; the same in every process."""
    return next((n for n, folder in enumerate(_FIRST) if nodeid.startswith(folder)), len(_FIRST))
