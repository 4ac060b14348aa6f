"""Where a Python process spends its CPU time: its stack is looked at every millisecond of it."""

from __future__ import annotations

import signal
from collections import Counter
from types import FrameType
from typing import Any

_EVERY_S = 0.001
_SHOWN = 25
# Rooms, told by a piece of the file's path; the first that fits.
_ROOMS = (
    "/bench/", "/ments/jobs/ledger", "/ments/jobs/", "/ments/observe/", "/ments/db/", "/ments/", "/bullmq/", "/redis/",
    "/psycopg_pool/", "/psycopg/", "/aiosql/", "/structlog/", "/opentelemetry/", "/prometheus_client/", "/sentry_sdk/",
    "/json/", "/asyncio/", "/traceback", "/logging/",
)  # fmt: skip


class Sampler:
    """Counts, by the profiling timer of the process, which function runs, and on whose behalf."""

    def __init__(self) -> None:
        self._leaves: Counter[str] = Counter()
        self._rooms: Counter[str] = Counter()
        self._within: Counter[str] = Counter()
        self._samples = 0

    def start(self) -> None:
        self._leaves, self._rooms, self._within, self._samples = Counter(), Counter(), Counter(), 0
        signal.signal(signal.SIGPROF, self._look)
        signal.siginterrupt(signal.SIGPROF, False)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_S, _EVERY_S)

    def stop(self) -> dict[str, Any]:
        """Shares of the samples: `rooms` and `leaves` sum to 1; `within` counts a function whenever it is on the stack."""
        signal.setitimer(signal.ITIMER_PROF, 0)

        def shares(counted: Counter[str]) -> dict[str, float]:
            return {name: round(count / max(1, self._samples), 3) for name, count in counted.most_common(_SHOWN)}

        return {
            "samples": self._samples,
            "rooms": shares(self._rooms),
            "leaves": shares(self._leaves),
            "within": shares(self._within),
        }

    def _look(self, _number: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        self._samples += 1
        self._leaves[_name(frame)] += 1
        self._rooms[_room(frame.f_code.co_filename)] += 1
        seen = set()
        walked: FrameType | None = frame
        while walked is not None:
            seen.add(_name(walked))
            walked = walked.f_back
        self._within.update(seen)


def _name(frame: FrameType) -> str:
    file = "/".join(frame.f_code.co_filename.rsplit("/", 2)[-2:])
    return f"{file}:{frame.f_code.co_qualname}"


def _room(file: str) -> str:
    return next((room.strip("/") for room in _ROOMS if room in file), "other Python")
