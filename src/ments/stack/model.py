"""The nouns of the local stack: a part, the command that runs it, and the error that stops a start."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ments.errors import MentsError

# What `ments status` can say of a part. `external`: its URL was given, so it is not started here; `off`: not wanted.
PartState = Literal["waiting", "starting", "ready", "restarting", "failed", "stopped", "external", "off"]
KINDS = ("edge", "api", "pgbouncer", "postgres", "replica", "valkey", "storage", "worker", "relay")


class StackError(MentsError):
    """The stack cannot start or go on; `safe` is one line with the cause and the fix."""

    code = "stack"


class NotReady(Exception):
    """A probe's answer: not yet. Its text is shown when the wait runs out."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run: a full path and its arguments, its folder, and its whole environment."""

    argv: tuple[str, ...]
    cwd: Path
    env: dict[str, str] = field(repr=False)


async def nothing() -> None:
    """The hook of a part that needs none."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the stack, or (`once`) one command that must end well before others start.

    name         unique, also the name of its log: `replica1`, `worker-media-1`
    kind         the name in `ments status`; '' for a `once` command
    needs        names of the parts that must be ready first
    prepare      runs before each start: makes folders, writes configuration; None of it may be slow twice
    probe        returns when the part really works; raises NotReady or OSError until then
    settle       runs after the first good probe, before the part counts as ready
    stop_stage   parts stop by rising stage, all of one stage at once
    grace_s      how long it may take to end after `stop_signal`, before SIGKILL
    ready_s      how long it may take to become ready
    leaves       files and folders that the program leaves behind, taken away after its end
    unprivileged refuses uid 0, so it is started under another account when we are root
    """

    name: str
    kind: str
    command: Command
    probe: Callable[[], Awaitable[None]]
    stop_stage: int
    needs: tuple[str, ...] = ()
    prepare: Callable[[], Awaitable[None]] = nothing
    settle: Callable[[], Awaitable[None]] = nothing
    url: str = ""
    metrics_url: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 3.0
    ready_s: float = 30.0
    once: bool = False
    leaves: tuple[Path, ...] = ()
    unprivileged: bool = False


def order_of_stop(parts: Iterable[Part]) -> list[list[str]]:
    """Group the names of the parts by stage, in the order in which they stop. Pure."""
    stages: dict[int, list[str]] = {}
    for part in parts:
        if not part.once:
            stages.setdefault(part.stop_stage, []).append(part.name)
    return [sorted(stages[stage]) for stage in sorted(stages)]


def order_of_start(parts: Iterable[Part]) -> list[list[str]]:
    """Group the names of the parts into waves: each wave needs only earlier ones. Pure.

    Raises ValueError when a part needs itself, in a circle, or needs one that is not there.
    """
    waiting = {part.name: set(part.needs) for part in parts}
    waves: list[list[str]] = []
    done: set[str] = set()
    while waiting:
        wave = sorted(name for name, needs in waiting.items() if needs <= done)
        if not wave:
            raise ValueError(f"these parts wait for each other, or for one that is missing: {sorted(waiting)}")
        waves.append(wave)
        done.update(wave)
        for name in wave:
            del waiting[name]
    return waves
