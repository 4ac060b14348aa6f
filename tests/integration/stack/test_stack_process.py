"""A part's process: its group ends with it, and its number is left alone once it may be another's; and a stack that is stopped
while it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ments.stack import process as processes
from ments.stack.home import Home
from ments.stack.leftovers import group_lives
from ments.stack.model import Command
from ments.stack.process import Process
from ments.stack.shown import stop_stack


def spawn(script: str, folder: Path) -> Process:
    """Run a shell script."""
    command = Command(("/bin/sh", "-c", script), folder, dict(os.environ))
    return Process.spawn(command, folder / "part.log", account=None, stop_signal=signal.SIGTERM)


async def test_children_of_a_leader_that_was_killed_end_with_it(tmp_path: Path) -> None:
    process = spawn("sleep 60 & sleep 60 & wait", tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    await process.exited.wait()
    await process.end_group()
    assert not group_lives(process.pid)
    assert process.status == -signal.SIGKILL


async def test_one_that_ignores_being_asked_is_killed_with_its_children(tmp_path: Path) -> None:
    process = spawn("trap '' TERM; echo up; sleep 60 & sleep 60; sleep 60", tmp_path)
    await process.end(0.3)
    assert not group_lives(process.pid)
    assert process.status in {-signal.SIGKILL, -signal.SIGTERM}  # asked before it could say that it won't


async def test_an_ended_group_is_not_signalled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By then the number may be another's: that of a stack beside this one."""
    process = spawn("true", tmp_path)
    await process.exited.wait()
    await process.end_group()

    def killpg(group: int, number: int) -> None:
        raise AssertionError(f"{number} to the group {group}")

    monkeypatch.setattr(processes.os, "killpg", killpg)
    await process.end(0.1)
    await process.end_group()
    assert process.status == 0


def test_a_stack_that_is_stopped_while_it_starts_is_stopped(tmp_path: Path) -> None:
    """It has taken its home, and not written down yet that it runs."""
    home = Home(tmp_path / "home")
    assert not stop_stack(home)
    home.lay_out()
    taking = f"import time; from pathlib import Path; from ments.stack.home import Home; Home(Path({str(home.root)!r})).lock(); time.sleep(600)"
    starting = subprocess.Popen([sys.executable, "-c", taking])
    # Whoever waits for it sees its end.
    threading.Thread(target=starting.wait).start()
    try:
        while home.holder() is None:
            assert starting.returncode is None
            time.sleep(0.05)
        assert home.lock() is None
        assert stop_stack(home)
        assert starting.returncode == -signal.SIGTERM
    finally:
        starting.kill()
    assert not stop_stack(home)
