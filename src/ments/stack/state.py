"""What the supervisor writes down about its stack, and how `ments status` puts it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ments.stack.home import write_whole
from ments.stack.leftovers import is_same
from ments.stack.model import KINDS, Part, PartState
from ments.stack.process import Process


@dataclass(slots=True)
class Entry:
    """One process as noted down. `start` in clock ticks since boot; `ready_s` from the start of the stack."""

    kind: str
    state: PartState
    pid: int | None = None
    start: int | None = None
    stop_signal: int = 15
    url: str = ""
    metrics_url: str = ""
    restarts: int = 0
    ready_s: float | None = None


@dataclass(slots=True)
class State:
    """The whole of `run/state.json`; written at every change, before anything depends on it.

    announced  the ready line has been printed, which is what `ments up --detach` waits for
    """

    file: Path
    supervisor: dict[str, int]
    url: str
    absent: dict[str, dict[str, str]]
    ready: bool = False
    announced: bool = False
    processes: dict[str, Entry] = field(default_factory=dict)

    def write(self) -> None:
        text = {
            "supervisor": self.supervisor,
            "url": self.url,
            "ready": self.ready,
            "announced": self.announced,
            "absent": self.absent,
            "processes": {name: asdict(entry) for name, entry in self.processes.items()},
        }
        write_whole(self.file, json.dumps(text, indent=1) + "\n")

    def add(self, part: Part) -> None:
        self.processes[part.name] = Entry(part.kind, "waiting", url=part.url, metrics_url=part.metrics_url)

    def note(self, name: str, state: PartState, process: Process | None = None) -> None:
        """Note a change of one part; `process` when it was just started."""
        entry = self.processes[name]
        entry.state = state
        if process:
            entry.pid, entry.start, entry.stop_signal = process.pid, process.start, int(process.stop_signal)
        if state in ("stopped", "failed"):
            entry.pid = entry.start = None
        self.ready = self.ready and all(each.state == "ready" for each in self.processes.values() if each.kind)
        self.write()


def is_running(state: dict[str, Any] | None) -> bool:
    """Tell whether the supervisor that wrote the state still runs."""
    return bool(state) and is_same(state["supervisor"]["pid"], state["supervisor"]["start"]) if state else False


def report(state: dict[str, Any] | None, *, running: bool) -> dict[str, Any]:
    """Shape a state for `ments status --json`: {ready, url, parts: {NAME: {state, pid, url, ...}}}. Pure.

    A part of several processes shows its first one's pid and url, the state that needs attention most, and all of
    them under `processes`. Without a running supervisor every part is `stopped`.
    """
    noted: dict[str, Any] = state if state and running else {"url": "", "absent": {}, "processes": {}, "ready": False}
    parts: dict[str, Any] = {}
    for kind in KINDS:
        own = {name: entry for name, entry in noted["processes"].items() if entry["kind"] == kind}
        if not own:
            away = noted["absent"].get(kind, {"state": "off" if running else "stopped", "url": ""})
            parts[kind] = {"state": away["state"], "pid": None, "url": away["url"], "processes": []}
            continue
        first = next(iter(own.values()))
        parts[kind] = {
            "state": _worst([entry["state"] for entry in own.values()]),
            "pid": first["pid"],
            "url": first["url"],
            "metrics_url": first["metrics_url"],
            "restarts": sum(entry["restarts"] for entry in own.values()),
            "processes": [
                {key: entry[key] for key in ("state", "pid", "url", "metrics_url", "restarts", "ready_s")}
                | {"name": name}
                for name, entry in own.items()
            ],
        }
    return {"ready": bool(noted["ready"]), "url": noted["url"], "parts": parts}


def _worst(states: list[PartState]) -> PartState:
    order: tuple[PartState, ...] = ("failed", "restarting", "starting", "waiting", "stopped", "ready")
    return next((state for state in order if state in states), states[0])
