"""The pace of the short form: who is silent counts as gone after half the time, so that each fault is waited for half as long.

`make test-faults` runs at the pace of a deployment, whose times to recovery are its figures.
"""

from __future__ import annotations

import importlib
import os

PACE = float(os.environ.get("MENTS_FAULT_PACE", "0.5"))
"""What every time by which the parts of the job system judge or look after each other is multiplied by."""

_TIMES = {
    "ments.jobs.ledger.leases": ("HEARTBEAT_S",),
    "ments.jobs.ledger.mend": ("LEASE_S",),
    "ments.jobs.ledger.runs": ("_SILENT_S",),
    "ments.jobs.lost_entries": ("_WALK_EVERY_S", "_EPOCH_EVERY_S", "_SECOND_LOOK_AFTER_S"),
    "ments.jobs.run": ("_LOOK_AGAIN_S", "_SUSPECT_AGAIN_S"),
    "ments.jobs.sender": ("_REST_S",),
    "ments.jobs.silent_runs": ("LEASE_S", "_LOOK_EVERY_S", "_PAUSE_AFTER_FAILURE_S"),
    "ments.jobs.worker": ("_LOCK_MS", "_STALLED_EVERY_MS", "_RETRY_MS", "_START_AGAIN_S"),
}


def take_pace() -> None:
    """Give this process, which is to be a worker or a relay, the suite's pace."""
    for module_name, names in _TIMES.items():
        module = importlib.import_module(module_name)
        for name in names:
            value = getattr(module, name)
            setattr(module, name, type(value)(value * PACE))
