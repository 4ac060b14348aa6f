"""The one stack that a whole test run shares: booted by whoever asks first, stopped when the run is over."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ments.settings import SETTINGS, read_env_file
from ments.stack.home import Home
from ments.stack.ports import choose_ports

# Set by the process that runs pytest, and inherited by xdist's workers.
FOLDER_VARIABLE = "MENTS_TEST_FOLDER"
MENTS = [sys.executable, "-m", "ments"]
_UP_LIMIT_S = 310
_DOWN_LIMIT_S = 40
_READY_AGAIN_S = 120
_STARTS = Path(tempfile.gettempdir()) / "ments-test-starts.lock"


def clean_environ(**more: str) -> dict[str, str]:
    """This process' environment without the caller's settings, which must not reach a stack under test.

    Programs that were named (MENTS_..._BIN) stay.
    """
    ours = {setting.name for setting in SETTINGS if not setting.name.endswith("_BIN")}
    return {name: value for name, value in os.environ.items() if name not in ours} | more


def ments(
    *words: str, environ: Mapping[str, str] | None = None, limit_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run `ments WORDS` to its end."""
    return subprocess.run(
        [*MENTS, *words],
        env=dict(environ) if environ is not None else clean_environ(),
        capture_output=True,
        text=True,
        timeout=limit_s,
    )


def open_folder(prefix: str) -> Path:
    """A temporary folder that other accounts may pass through: Postgres and the edge's workers are not root."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder


@dataclass(frozen=True)
class RunningStack:
    """A stack started by `ments up`. `env` is its settings, secrets included."""

    home: Path
    url: str
    env: dict[str, str]

    @classmethod
    def start(cls, home: Path, *words: str, environ: Mapping[str, str] | None = None) -> RunningStack:
        # One after the other: a stack's ports are taken only when its parts listen.
        with _STARTS.open("a") as starts:
            fcntl.flock(starts, fcntl.LOCK_EX)
            port = choose_ports(["edge"], {})["edge"]
            done = ments(
                "up", "--detach", "--home", str(home), "--port", str(port), *words, environ=environ, limit_s=_UP_LIMIT_S
            )
        if done.returncode != 0:
            raise RuntimeError(f"ments up failed: {done.stderr}{done.stdout}")
        return cls.of(home)

    @classmethod
    def of(cls, home: Path) -> RunningStack:
        """The stack that runs in a home already."""
        env = read_env_file(home / "run" / "env")
        return cls(home, env["PUBLIC_URL"], env)

    def status(self) -> dict[str, Any]:
        """What `ments status --json` prints."""
        found: dict[str, Any] = json.loads(ments("status", "--json", "--home", str(self.home)).stdout)
        return found

    def wait_until_ready(self) -> RunningStack:
        """Return this stack once every part of it is ready. Raises TimeoutError after two minutes."""
        deadline = time.monotonic() + _READY_AGAIN_S
        while not (found := self.status())["ready"]:
            if time.monotonic() > deadline:
                raise TimeoutError(found)
            time.sleep(0.5)
        return self

    def stop(self) -> None:
        done = ments("down", "--home", str(self.home), limit_s=_DOWN_LIMIT_S)
        if done.returncode != 0:
            raise RuntimeError(f"ments down failed: {done.stderr}")

    def superuser_url(self, database: str) -> str:
        """A database of Postgres without the pooler, as its superuser: makes and empties databases for tests."""
        password = Home(self.home).secrets()["POSTGRES_SUPERUSER_PASSWORD"]
        address = urlsplit(self.env["DATABASE_DIRECT_URL"])
        return f"postgresql://postgres:{password}@{address.hostname}:{address.port}/{database}"

    def env_for_database(self, name: str, valkey_number: int) -> dict[str, str]:
        """The stack's settings with another database and another of Valkey's; reads go to the primary,
        so that a test sees what it has just written."""
        return self.env | {
            "DATABASE_URL": _with_path(self.env["DATABASE_URL"], name),
            "DATABASE_DIRECT_URL": _with_path(self.env["DATABASE_DIRECT_URL"], name),
            # Not '': an empty value would be filled from the home's run/env, with the replica of another database.
            "DATABASE_REPLICA_URLS": _with_path(self.env["DATABASE_URL"], name),
            "REDIS_URL": _with_path(self.env["REDIS_URL"], str(valkey_number)),
            # Tests change rows under the API; those of what it keeps turn it on.
            "MENTS_ANSWER_KEPT_S": "0",
        }


def start_hurt_stack(home: Path) -> RunningStack:
    """Start the stack that tests may hurt; no more than three films may wait in it."""
    return RunningStack.start(home, environ=clean_environ(MENTS_MEDIA_WAITING_MAX="3"))


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def shared_stack(folder: Path) -> RunningStack:
    """The run's stack; the first of its processes to ask starts it, the others wait."""
    home = folder / "home"
    folder.mkdir(mode=0o755, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "started").exists():
            return RunningStack.of(home)
        # Told apart from a normal end: should the run be killed, the stack goes with it.
        owner = int(folder.name.rpartition("-")[2])
        # Not by Popen: nobody waits for it, and nothing of ours (xdist's pipes) may stay open in it.
        os.posix_spawn(
            sys.executable,
            [sys.executable, __file__, str(folder), str(owner)],
            clean_environ(),
            file_actions=[(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)],
            setsid=True,
        )
        stack = RunningStack.start(home)
        (folder / "started").touch()
        return stack


def end_shared_stack(folder: Path) -> None:
    """Stop the run's stack, if it was started, and take its home away."""
    home = folder / "home"
    if home.exists():
        RunningStack(home, "", {}).stop()
    shutil.rmtree(folder, ignore_errors=True)


def watch(folder: Path, owner: int) -> None:
    """Wait for the end of the process that runs the tests, whatever it was, then clean up after it."""
    import select

    try:
        pidfd = os.pidfd_open(owner)
    except ProcessLookupError:
        pass
    else:
        select.select([pidfd], [], [])
    end_shared_stack(folder)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), int(sys.argv[2]))
