"""The programs of one phase: started together, asked by name, all ended at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from bench.jobs.contenders import Contender
from bench.jobs.place import Place
from bench.jobs.program import Program

_WARM_LIMIT_S = 30.0


class Fleet:
    """Starts programs and ends them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._programs: list[Program] = []

    def start(
        self, contender: Contender, role: str, *, series: str = "", concurrency: int = 8, **more: str | None
    ) -> Program:
        program = contender.start(self.place, role, series=series, concurrency=concurrency, **more)
        self._programs.append(program)
        return program

    def stop(self, *programs: Program) -> None:
        """End some of them now."""
        for program in programs:
            self._programs.remove(program)
            program.stop()

    def kill(self, program: Program) -> None:
        self._programs.remove(program)
        program.kill()

    def stop_all(self) -> None:
        self.stop(*reversed(self._programs))


@contextmanager
def open_fleet(place: Place) -> Iterator[Fleet]:
    """A fleet over an empty database and queues."""
    place.empty()
    fleet = Fleet(place)
    try:
        yield fleet
    finally:
        fleet.stop_all()


def warm(producer: Program, worker: Program, jobs: int = 5) -> None:
    """Wait until the worker runs what the producer adds."""
    keys = [f"warm-{uuid4()}" for _ in range(jobs)]
    producer.ask(do="time", keys=keys, seed=0)
    # Those that waited for the worker start side by side, in any order.
    missing = set(keys)
    while missing:
        missing.discard(worker.wait_for(lambda report: report.get("started") in missing, _WARM_LIMIT_S)["started"])
