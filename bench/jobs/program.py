"""A process of the bench: takes commands as JSON lines on stdin, reports JSON lines on a pipe of its own."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from bench.jobs.cpu import cpu_seconds

Report = dict[str, Any]


class Program:
    """One running process. Its reports are kept in the order of arrival."""

    def __init__(self, argv: list[str], environ: Mapping[str, str], log: Path) -> None:
        reading, writing = os.pipe()
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                argv,
                env={**environ, "BENCH_REPORT_FD": str(writing)},
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                pass_fds=[writing],
            )
        os.close(writing)
        self._log = log
        self._reports: queue.Queue[Report | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(reading,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu_seconds(self) -> float:
        return cpu_seconds([psutil.Process(self.pid)])

    def tell(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def ask(self, *, limit_s: float = 60, **command: Any) -> Report:
        """Give a command and wait for its answer."""
        self.tell(**command)
        return self.wait_for(lambda report: report.get("answer") == command["do"], limit_s)

    def wait_for(self, wanted: Callable[[Report], bool], limit_s: float) -> Report:
        """The next report that is wanted; others are passed over. Raises TimeoutError, with the end of the log."""
        deadline = time.monotonic() + limit_s
        while True:
            try:
                report = self._reports.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"No report within {limit_s} s.\n{self._log_end()}") from None
            if report is None:
                raise RuntimeError(f"The program has ended.\n{self._log_end()}")
            if wanted(report):
                return report

    def take_reports(self) -> list[Report]:
        """Everything that was reported and not taken yet."""
        found: list[Report] = []
        while True:
            try:
                report = self._reports.get_nowait()
            except queue.Empty:
                return found
            if report is not None:
                found.append(report)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> None:
        """Ask it to end, and see that it does."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def _read(self, number: int) -> None:
        with os.fdopen(number) as lines:
            for line in lines:
                self._reports.put(json.loads(line))
        self._reports.put(None)

    def _log_end(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]
