"""`ments down`, `status`, `logs` and `env`: they read what the supervisor wrote, and signal it; no socket is needed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ments.stack.home import Home
from ments.stack.leftovers import end_leftovers, is_same, read_state
from ments.stack.model import StackError
from ments.stack.state import is_running, report

_DOWN_LIMIT_S = 25.0
_LOOK_EVERY_S = 0.1
_TAIL_LINES = 100


def status(home: Home) -> dict[str, Any]:
    """What `ments status --json` prints."""
    state = read_state(home.state_file)
    return report(state, running=is_running(state))


def stop_stack(home: Home) -> bool:
    """Stop the stack of the home and wait for the end; False when none was running.

    Raises StackError when the supervisor does not end in time.
    """
    state = read_state(home.state_file)
    if state and is_running(state):
        pid, start = state["supervisor"]["pid"], state["supervisor"]["start"]
    elif holder := home.holder():
        pid, start = holder  # it is just starting, and has not written down yet what it runs
    else:
        return bool(state and end_leftovers(state))
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError as cause:
        raise StackError(f"The stack of {home.root} belongs to another user: stop it as that user.") from cause
    deadline = time.monotonic() + _DOWN_LIMIT_S
    while is_same(pid, start):
        if time.monotonic() > deadline:
            raise StackError(
                f"The supervisor (pid {pid}) has not ended after {_DOWN_LIMIT_S:.0f} s: see {home.log('supervisor')}, "
                f"or `kill -9 {pid}`, which ends the parts as well."
            )
        time.sleep(_LOOK_EVERY_S)
    return True


def status_lines(found: Mapping[str, Any]) -> list[str]:
    """What `ments status` prints for people. Pure."""
    lines = [f"{'ready' if found['ready'] else 'not ready'}: {found['url']}" if found["url"] else "not running"]
    for kind, part in found["parts"].items():
        for each in part["processes"] or [{**part, "name": kind}]:
            pid = each["pid"] or ""
            again = f"  restarted {each['restarts']}x" if each.get("restarts") else ""
            lines.append(f"  {each['name']:<18} {each['state']:<10} {pid!s:<8} {each['url']}{again}")
    return lines


def log_lines(home: Home, part: str | None, *, follow: bool) -> Iterator[str]:
    """The last lines of a part's log, or of each with its name before; with `follow`, those that come as well.

    Raises StackError when there is no such log.
    """
    files = sorted((home.root / "logs").glob(f"{part or ''}*.log"))
    if not files:
        known = ", ".join(sorted(file.stem for file in (home.root / "logs").glob("*.log"))) or "none yet"
        raise StackError(f"{home.root / 'logs'} has no log of {part or 'any part'}; there are: {known}.")
    width = max(len(file.stem) for file in files)
    offsets: dict[Path, int] = {}
    for file in files:
        text = file.read_bytes()
        offsets[file] = len(text)
        yield from _named(file, width, len(files), text.splitlines()[-_TAIL_LINES:])
    while follow:
        time.sleep(0.3)
        for file in files:
            size = file.stat().st_size
            if size < offsets[file]:  # it was cut short
                offsets[file] = 0
            if size > offsets[file]:
                with file.open("rb") as opened:
                    opened.seek(offsets[file])
                    text = opened.read()
                offsets[file] += len(text)
                yield from _named(file, width, len(files), text.splitlines())


def _named(file: Path, width: int, files: int, lines: list[bytes]) -> Iterator[str]:
    before = f"{file.stem:<{width}} | " if files > 1 else ""
    for line in lines:
        yield before + line.decode(errors="replace")


def running_env(home: Home) -> str:
    """The settings of the running stack as NAME=value lines, secrets included.

    Raises StackError for everybody but the owner of the home, and when nothing runs.
    """
    if not is_running(read_state(home.state_file)):
        raise StackError(f"Nothing runs in {home.root}: `ments up` starts it.")
    if os.geteuid() != home.env_file.stat().st_uid:
        raise StackError(f"Only the owner of {home.root} may see its settings.")
    return home.env_file.read_text()
