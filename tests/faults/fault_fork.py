"""Processes that begin with everything imported: each start would take most of a second of a core, and there are a hundred.

A server without threads has the imports, and forks a process for each that is asked for; it is a process like any other.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["fault_process"])


class Forked:
    """A process that was forked; asked like a subprocess.Popen."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        pid = process.pid
        assert pid is not None
        self.pid = pid

    @classmethod
    def start(cls, kind: str, wish: dict[str, Any], environ: Mapping[str, str], log: Path) -> Forked:
        """Start a worker, relay or producer with this environment alone, in a session of its own."""
        process = _context.Process(target=_become, args=(kind, wish, dict(environ), str(log)))
        process.start()
        return cls(process)

    def poll(self) -> int | None:
        """Its exit status, minus the signal that killed it, or None while it lives."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """The same, once it is gone. Raises TimeoutError when it is not, after so many seconds."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout:g} s")
        return status


def _become(kind: str, wish: dict[str, Any], environ: dict[str, str], log: str) -> None:
    os.setsid()
    # Should the tests themselves be killed, the server goes, and with it what it forked.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, to in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(number, to)
    os.environ.clear()
    os.environ.update(environ)

    import fault_process

    fault_process.run(kind, wish)
