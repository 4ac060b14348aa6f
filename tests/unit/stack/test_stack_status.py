"""What `ments status` makes of a supervisor's notes, and whether a noted process is still the same."""

from __future__ import annotations

import os
from typing import Any

from ments.stack.leftovers import is_same, start_ticks
from ments.stack.shown import status_lines
from ments.stack.state import report

KINDS = ["edge", "api", "pgbouncer", "postgres", "replica", "valkey", "storage", "worker", "relay"]


def entry(kind: str, state: str, pid: int | None, restarts: int = 0) -> dict[str, Any]:
    return {
        "kind": kind,
        "state": state,
        "pid": pid,
        "start": 1,
        "stop_signal": 15,
        "url": f"http://{kind}",
        "metrics_url": "",
        "restarts": restarts,
        "ready_s": 1.0,
    }


STATE: dict[str, Any] = {
    "supervisor": {"pid": 1, "start": 1},
    "url": "http://127.0.0.1:8080",
    "ready": False,
    "absent": {"valkey": {"state": "external", "url": ""}},
    "processes": {
        "migrate": entry("", "ready", 9),
        "api": entry("api", "ready", 10),
        "worker-media-1": entry("worker", "ready", 11),
        "worker-default-1": entry("worker", "restarting", None, restarts=2),
    },
}


def test_every_part_is_named_and_the_worst_state_of_its_processes_shown() -> None:
    found = report(STATE, running=True)
    assert list(found["parts"]) == KINDS
    assert found["url"] == "http://127.0.0.1:8080"
    assert found["parts"]["api"] | {"processes": []} == {
        "state": "ready",
        "pid": 10,
        "url": "http://api",
        "metrics_url": "",
        "restarts": 0,
        "processes": [],
    }
    worker = found["parts"]["worker"]
    assert (worker["state"], worker["pid"], worker["restarts"]) == ("restarting", 11, 2)
    assert [each["name"] for each in worker["processes"]] == ["worker-media-1", "worker-default-1"]
    assert found["parts"]["valkey"]["state"] == "external"
    assert found["parts"]["edge"]["state"] == "off"
    assert any("worker-default-1" in line and "restarted 2x" in line for line in status_lines(found))


def test_without_a_supervisor_nothing_runs() -> None:
    for state in (None, STATE):
        found = report(state, running=False)
        assert found["ready"] is False
        assert {part["state"] for part in found["parts"].values()} == {"stopped"}
        assert status_lines(found)[0] == "not running"


def test_a_process_is_told_by_its_number_and_its_start() -> None:
    start = start_ticks(os.getpid())
    assert start > 0
    assert is_same(os.getpid(), start)
    assert not is_same(os.getpid(), start + 1)
    assert not is_same(None, None)
    assert not is_same(2**22 + 1, start)
