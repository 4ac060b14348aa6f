"""The suite's own processes: producers, workers and relays, each a real one that may be killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fault_fork import Forked
from fault_stores import FaultStores

from ments.stack.account import launcher

_PROGRAM = Path(__file__).with_name("fault_process.py")
_END_S = 12.0
SLOTS = {"default": 8, "media": 2}
# A work folder of 256 kB that is full but for a page, in a namespace of mounts that ends with the process.
_FULL_DISK = """
mount -t tmpfs -o size=256k tmpfs "$0" && head -c 300000 /dev/zero > "$0/filler" 2> /dev/null
exec "$@"
"""


@dataclass(frozen=True)
class Member:
    """One process. `accepted`: the file with the ids of a producer's acknowledged commits."""

    process: subprocess.Popen[bytes] | Forked
    log: Path
    accepted: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it by SIGKILL, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self.process.wait(timeout=_END_S)

    def terminate(self) -> int:
        """End it by SIGTERM; returns its exit status."""
        self.send(signal.SIGTERM)
        return self.process.wait(timeout=_END_S)

    def is_stopped(self) -> bool:
        """Whether SIGSTOP has taken hold."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def list_accepted(self) -> list[str]:
        return self.accepted.read_text().splitlines() if self.accepted.exists() else []


@dataclass
class Fleet:
    """Everything that one test has started."""

    stores: FaultStores
    folder: Path
    members: list[Member] = field(default_factory=list)

    def work(self, *, slots: Mapping[str, int] = SLOTS, full_disk: bool = False, drain_s: float = 8.0) -> Member:
        """Start a worker. full_disk: its work folder, of its own, has no room."""
        before: tuple[str, ...] = ()
        if full_disk:
            # An ordinary user may mount within a namespace of users of its own.
            mapped = () if os.geteuid() == 0 else ("--user", "--map-root-user")
            before = ("/usr/bin/unshare", *mapped, "--mount", "/bin/sh", "-c", _FULL_DISK, str(self.folder))
        return self._start("worker", {"slots": dict(slots), "folder": str(self.folder), "drain_s": drain_s}, before)

    @asynccontextmanager
    async def keep(self, workers: int, *, slots: Mapping[str, int] = SLOTS) -> AsyncIterator[None]:
        """Hold so many workers: one that dies is replaced, as whatever runs a deployment does."""

        async def replace_dead() -> None:
            held = [self.work(slots=slots) for _ in range(workers)]
            while True:
                held = [self.work(slots=slots) if one.process.poll() is not None else one for one in held]
                await asyncio.sleep(0.2)

        keeping = asyncio.create_task(replace_dead())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    def make_room(self, worker: Member) -> None:
        """Take the filler from the work folder of a worker that was started with a full disk."""
        Path(f"/proc/{worker.pid}/root{self.folder}/filler").unlink()

    def relay(self, *, dies: str = "") -> Member:
        return self._start("relay", {"dies": dies})

    def produce(
        self, event: str, batch: str, jobs: int, *, pause_s: float = 0.0, dies: str = "", **members: Any
    ) -> Member:
        """Start a producer that has `jobs` effects accepted. members: of the event."""
        return self._start(
            "producer",
            {"event": event, "batch": batch, "jobs": jobs, "pause_s": pause_s, "members": members, "dies": dies},
        )

    def _start(self, kind: str, wish: dict[str, Any], before: tuple[str, ...] = ()) -> Member:
        name = f"{kind}-{len(self.members)}"
        log, accepted = self.folder / f"{name}.log", self.folder / f"{name}.accepted"
        log.touch()
        wish |= {"accepted": str(accepted)}
        environ = self.stores.environ()
        process: subprocess.Popen[bytes] | Forked
        if before:
            process = _start_anew([*before, sys.executable, str(_PROGRAM), kind, json.dumps(wish)], environ, log)
        else:
            process = Forked.start(kind, wish, environ, log)
        member = Member(process, log, accepted)
        self.members.append(member)
        return member

    def end(self) -> None:
        """End all, at once and without their consent."""
        for member in self.members:
            if member.process.poll() is None:
                # One that has just been forked may have no group yet.
                member.send(signal.SIGKILL)
                with suppress(ProcessLookupError):
                    os.killpg(member.pid, signal.SIGKILL)
        deadline = time.monotonic() + _END_S
        for member in self.members:
            member.process.wait(timeout=max(0.1, deadline - time.monotonic()))

    def tails(self, lines: int = 8) -> str:
        """The last lines of each log, for whoever looks at a failure."""
        return "\n".join(
            f"--- {member.log.name} (status {member.process.poll()})\n"
            + "\n".join(line[:600] for line in member.log.read_text(errors="replace").splitlines()[-lines:])
            for member in self.members
        )


def _start_anew(words: list[str], environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            # Should the tests themselves be killed, nothing of theirs stays.
            [*launcher(None, "KILL"), *words],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
