"""One running program: started in a process group of its own, watched without polling, ended as a whole group."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from ments.stack.account import Account, launcher
from ments.stack.leftovers import group_lives, start_ticks
from ments.stack.model import Command, StackError

LOG_BYTES_MAX = 8 * 1024 * 1024
_TAIL_BYTES = 4096


class Process:
    """A child that leads its own session and process group.

    exited  set once the program has ended; `status` is then its exit status, negative for a signal
    """

    def __init__(self, child: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
        self.pid = child.pid
        self.start = start_ticks(child.pid)
        self.stop_signal = stop_signal
        self.status: int | None = None
        self.exited = asyncio.Event()
        self._child = child
        self._is_gone = False
        self._pidfd = os.pidfd_open(child.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._reap)

    @classmethod
    def spawn(cls, command: Command, log: Path, *, account: Account | None, stop_signal: signal.Signals) -> Process:
        """Start the command; its output goes to the end of `log`, which we open (the account may not be able to)."""
        with log.open("ab") as output:
            child = subprocess.Popen(
                [*launcher(account, stop_signal.name.removeprefix("SIG")), *command.argv],
                cwd=command.cwd,
                env=command.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(child, stop_signal)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        # Children of a master that was killed would hold its port. The number is this group's until its leader is waited
        # for; from then on the next program may be given it.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        os.close(self._pidfd)
        self.status = self._child.wait()
        self.exited.set()

    async def end(self, grace_s: float) -> None:
        """Ask the program to end, kill its group after `grace_s`, and return when nothing of it is left."""
        if not self.exited.is_set():
            # By the descriptor: Popen would wait for a child that has just ended.
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, self.stop_signal)
            try:
                async with asyncio.timeout(grace_s):
                    await self.exited.wait()
            except TimeoutError:
                pass
        await self.end_group()

    async def end_group(self) -> None:
        """Kill the group, or what its leader left of it, and return when nothing of it is left. Again: nothing."""
        if not self.exited.is_set():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            await self.exited.wait()
        if self._is_gone:
            return
        for _ in range(100):
            if not group_lives(self.pid):
                break
            await asyncio.sleep(0.02)
        self._is_gone = True


async def run_tool(command: Command, log: Path, *, account: Account | None, limit_s: float, what: str) -> None:
    """Run a command that ends by itself.

    Raises StackError with the last lines of its log when it fails or takes longer than `limit_s`.
    """
    process = Process.spawn(command, log, account=account, stop_signal=signal.SIGTERM)
    try:
        async with asyncio.timeout(limit_s):
            await process.exited.wait()
    except TimeoutError:
        raise StackError(f"{what} took longer than {limit_s:.0f} s. {log_tail(log)}") from None
    finally:
        await process.end(1.0)
    if process.status != 0:
        raise StackError(f"{what} failed ({exit_text(process.status)}). {log_tail(log)}")


def exit_text(status: int | None) -> str:
    """An exit status in words: `exit status 1`, `ended by SIGKILL`. Pure."""
    if status is not None and status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"exit status {status}"


def log_tail(log: Path, lines: int = 3) -> str:
    """The last lines of a log on one line, with its name: what a person needs to see first."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        text = ""
    last = [line.strip() for line in text.splitlines() if line.strip()][-lines:]
    if any("No space left on device" in line for line in last):
        return f"The disk is full: free some space, or choose another --home. ({log})"
    return f"{log} ends: {' | '.join(last) or '(empty)'}"


def bound_log(log: Path, bytes_max: int = LOG_BYTES_MAX) -> bool:
    """Move the text of a log that has grown over `bytes_max` to `NAME.log.1`; True when it did.

    The part keeps its open file, which appends: cutting it short is enough, nobody need be told.
    """
    try:
        size = log.stat().st_size
        if size <= bytes_max:
            return False
        with log.open("rb") as grown:
            grown.seek(size - bytes_max)
            kept = grown.read(bytes_max)
    except FileNotFoundError:
        return False
    try:
        log.with_name(f"{log.name}.1").write_bytes(kept)
    except OSError:
        # A full disk: the newest text is lost, and room is made, which all parts need more.
        log.with_name(f"{log.name}.1").unlink(missing_ok=True)
    os.truncate(log, 0)
    return True
