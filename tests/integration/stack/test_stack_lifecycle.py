"""A home of its own beside the run's stack: what is started, killed, stopped and kept."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ments.stack.leftovers import is_same, read_state
from ments.stack.ports import choose_ports
from running_stack import RunningStack, clean_environ, ments, start_hurt_stack

_PATIENCE_S = 90.0
# Each start is half a minute where two cores do something else as well.
pytestmark = pytest.mark.timeout(600)


def wait_until(holds: Callable[[], bool], what: str, limit_s: float = _PATIENCE_S) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def noted(home: Path) -> dict[str, Any]:
    state = read_state(home / "run" / "state.json")
    assert state is not None
    return state


def processes(home: Path) -> dict[str, tuple[int, int]]:
    """Name -> (pid, start) of what runs, as the supervisor noted it down."""
    found = noted(home)["processes"]
    return {name: (part["pid"], part["start"]) for name, part in found.items() if part["kind"] and part["pid"]}


def lives(running: dict[str, tuple[int, int]]) -> bool:
    return any(is_same(*process) for process in running.values())


def pids(stack: RunningStack) -> set[int]:
    return {part["pid"] for part in stack.status()["parts"].values()}


def test_two_homes_run_side_by_side(stack: RunningStack, hurt_stack: RunningStack) -> None:
    status = hurt_stack.status()
    assert status["ready"]
    assert status["url"] == hurt_stack.url
    assert list(status["parts"]) == [
        *("edge", "api", "pgbouncer", "postgres", "replica", "valkey", "storage", "worker", "relay")
    ]
    assert all(part["state"] == "ready" and part["pid"] for part in status["parts"].values())
    assert stack.status()["ready"]
    assert not pids(stack) & pids(hurt_stack)


def test_settings_are_shown_and_private_and_a_second_start_is_refused(hurt_stack: RunningStack) -> None:
    for private in (hurt_stack.home / "run" / "env", hurt_stack.home / "secrets.env"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    shown = ments("env", "--home", str(hurt_stack.home)).stdout.splitlines()
    assert dict(line.split("=", 1) for line in shown) == hurt_stack.env
    again = one_line("up", "--home", str(hurt_stack.home))
    assert f"is running already at {hurt_stack.url}" in again
    assert "ready to accept connections" in ments("logs", "postgres", "--home", str(hurt_stack.home)).stdout


def test_what_is_killed_comes_back(hurt_stack: RunningStack) -> None:
    kinds = ("api", "worker", "edge", "valkey")
    before = hurt_stack.status()["parts"]
    for kind in kinds:
        os.kill(before[kind]["pid"], signal.SIGKILL)

    def all_replaced() -> bool:
        now = hurt_stack.status()
        parts = now["parts"]
        return now["ready"] and all(parts[kind]["pid"] != before[kind]["pid"] for kind in kinds)

    wait_until(all_replaced, "a killed part was not replaced")
    assert all(hurt_stack.status()["parts"][kind]["restarts"] == 1 for kind in kinds)


def test_a_stop_ends_everything_and_keeps_the_data(hurt_stack: RunningStack) -> None:
    with psycopg.connect(hurt_stack.env["DATABASE_DIRECT_URL"], autocommit=True) as direct:
        direct.execute("create table kept as select 42 as answer")
    running = processes(hurt_stack.home)
    began = time.monotonic()
    hurt_stack.stop()
    assert time.monotonic() - began < 20
    assert not lives(running)
    stopped = ments("status", "--json", "--home", str(hurt_stack.home))
    assert stopped.returncode == 1
    assert json.loads(stopped.stdout)["ready"] is False

    back = start_hurt_stack(hurt_stack.home)
    assert back.env["DATABASE_URL"] == hurt_stack.env["DATABASE_URL"], "ports and passwords are kept"
    with psycopg.connect(back.env["DATABASE_DIRECT_URL"]) as direct:
        assert direct.execute("select answer from kept").fetchone() == (42,)
    wait_until(lambda: _replica_has(back, "kept"), "the replica has not caught up")


def _replica_has(stack: RunningStack, table: str) -> bool:
    with psycopg.connect(stack.env["DATABASE_REPLICA_URLS"], prepare_threshold=None) as replica:
        row = replica.execute("select pg_is_in_recovery() and to_regclass(%s) is not null", [table]).fetchone()
    return row == (True,)


def test_nothing_outlives_a_killed_supervisor(hurt_stack: RunningStack) -> None:
    running = processes(hurt_stack.home)
    os.kill(noted(hurt_stack.home)["supervisor"]["pid"], signal.SIGKILL)
    wait_until(lambda: not lives(running), "a part outlived the supervisor", limit_s=15)
    assert ments("status", "--home", str(hurt_stack.home)).returncode == 1


def test_the_next_start_ends_what_was_left_after_all(hurt_stack: RunningStack) -> None:
    """The guard was killed too, and the parts hear of nothing: the new supervisor finds and ends them."""
    running = processes(hurt_stack.home)
    supervisor = noted(hurt_stack.home)["supervisor"]
    for pid, _ in running.values():
        os.killpg(pid, signal.SIGSTOP)
    os.kill(_guard_of(hurt_stack.home), signal.SIGKILL)
    os.kill(supervisor["pid"], signal.SIGKILL)
    wait_until(lambda: not is_same(supervisor["pid"], supervisor["start"]), "the supervisor still runs")
    assert lives(running)
    again = start_hurt_stack(hurt_stack.home)
    assert again.status()["ready"]
    assert not lives(running)
    assert "ended what an earlier run had left" in (hurt_stack.home / "logs" / "supervisor.log").read_text()


def _guard_of(home: Path) -> int:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"ments.stack.guard" in words and str(home / "run" / "state.json").encode() in words:
            return int(folder.name)
    raise AssertionError("there is no guard")


def one_line(*words: str, **environ: str) -> str:
    """Run `ments WORDS`, which must fail with one line on stderr; returns the line."""
    done = ments(*words, environ=clean_environ(**environ))
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def free_port() -> str:
    return str(choose_ports(["edge"], {})["edge"])


def test_starts_that_cannot_be_are_one_line_each(hurt_folder: Path) -> None:
    home = str(hurt_folder / "other")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} is used by another program" in one_line("up", "--home", home, "--port", str(port))
        detached = one_line("up", "--detach", "--home", home, "--port", str(port))
        assert f"Port {port} is used by another program" in detached
    assert "apt-get install pgbouncer" in one_line(
        "up", "--home", home, "--port", free_port(), MENTS_PGBOUNCER_BIN="/nowhere/pgbouncer"
    )
    assert "MENTS_BIND" in one_line("up", "--home", home, "--port", free_port(), MENTS_BIND="192.0.2.1")
    assert "--port" in one_line("up", "--home", home, "--port", "many")
    (hurt_folder / "newer").mkdir()
    (hurt_folder / "newer" / "version").write_text("99\n")
    assert "written by a newer ments" in one_line("up", "--home", str(hurt_folder / "newer"))
    assert "Nothing runs" in one_line("env", "--home", home)
    assert ments("down", "--home", home).stdout == f"nothing runs in {home}\n"


def test_a_part_that_cannot_start_is_one_line_with_the_end_of_its_log(hurt_folder: Path) -> None:
    home = hurt_folder / "broken"
    line = one_line("up", "--home", str(home), "--port", free_port(), MENTS_VALKEY_BIN="/bin/false")
    assert "valkey ended while starting (exit status 1)" in line
    assert not processes(home)
