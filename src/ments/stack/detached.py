"""`ments up --detach`: starts `ments up` on its own, and shows its lines until the stack is ready."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from ments.stack.home import Home, told_plainly
from ments.stack.leftovers import read_state
from ments.stack.model import StackError

_UP_LIMIT_S = 300.0
_LOOK_EVERY_S = 0.1


def start_detached(home: Home, words: Sequence[str], environ: Mapping[str, str]) -> Iterator[str]:
    """Start `ments up` on its own; yields the lines it prints, up to and with the last one of its start.

    Raises StackError with its error line when it ends instead.
    """
    log = home.log("supervisor")
    with told_plainly(home.root):
        log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output, log.open() as lines:
        lines.seek(0, os.SEEK_END)
        child = subprocess.Popen(
            [sys.executable, "-m", "ments", "up", *words],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        error = ""
        deadline = time.monotonic() + _UP_LIMIT_S
        while True:
            ended = child.poll() is not None
            announced = _is_announced(home, child.pid)
            for line in lines:
                if line.startswith("ments: "):
                    error = line.removeprefix("ments: ").strip()
                else:
                    yield line.rstrip("\n")
            if announced:
                return
            if ended:
                raise StackError(error or f"It ended while starting: see {log}.")
            if time.monotonic() > deadline:
                child.send_signal(signal.SIGTERM)
                raise StackError(f"The stack was not ready after {_UP_LIMIT_S:.0f} s: see {log}.")
            time.sleep(_LOOK_EVERY_S)


def _is_announced(home: Home, pid: int) -> bool:
    state = read_state(home.state_file)
    return bool(state) and state["supervisor"]["pid"] == pid and state["announced"] if state else False
