"""Which processes belong to a home, told from others that got the same number; and how to end those left behind.

Process ids wrap quickly on a busy machine: a number counts only together with its start time.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

_GRACE_S = 5.0
_KILL_WAIT_S = 3.0


def start_ticks(pid: int) -> int:
    """When the process began, in clock ticks since boot; 0 when there is none (or only its zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def is_same(pid: int | None, start: int | None) -> bool:
    """Tell whether the process that was noted down still runs."""
    return bool(pid and start) and start_ticks(int(pid or 0)) == start


def read_state(state_file: Path) -> dict[str, Any] | None:
    """What a supervisor wrote about its stack; None when nothing was."""
    try:
        state: dict[str, Any] = json.loads(state_file.read_text())
    except FileNotFoundError:
        return None
    return state


def running(state: dict[str, Any]) -> list[tuple[str, int, signal.Signals]]:
    """The parts of a state that still run: name, pid (also its process group), and the signal that ends it."""
    return [
        (name, part["pid"], signal.Signals(part["stop_signal"]))
        for name, part in state["processes"].items()
        if is_same(part["pid"], part["start"])
    ]


def end_leftovers(state: dict[str, Any]) -> list[str]:
    """End what a dead supervisor left running, and wait for it; returns the names of the parts.

    Each leads its process group, and the whole group goes: a killed nginx or API leaves children.
    """
    left = running(state)
    for _, pid, stop_signal in left:
        _signal_group(pid, stop_signal)
    _wait_for_groups([pid for _, pid, _ in left], _GRACE_S)
    for _, pid, _ in left:
        _signal_group(pid, signal.SIGKILL)
    _wait_for_groups([pid for _, pid, _ in left], _KILL_WAIT_S)
    return [name for name, _, _ in left]


def group_lives(group: int) -> bool:
    """Tell whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _wait_for_groups(groups: list[int], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while any(group_lives(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.05)
