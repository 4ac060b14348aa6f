"""A worker that dies loses nothing: another runs its jobs again, without an attempt used up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from eventually import eventually
from ments.jobs import JobQueues, QueuedJob
from valkey_server import ValkeyServer

_PROGRAM = Path(__file__).with_name("worker_process.py")


def _start(valkey_server: ValkeyServer, file: Path, takes_s: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(_PROGRAM), valkey_server.url, str(file), str(takes_s)])


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.timeout(60)
async def test_kill_9_is_run_again_within_15_seconds(
    queues: JobQueues, valkey_server: ValkeyServer, tmp_path: Path
) -> None:
    file = tmp_path / "ran"
    first = _start(valkey_server, file, 120)
    other: subprocess.Popen[bytes] | None = None
    try:
        await queues.add([QueuedJob(str(uuid4()), "media", "slow", {"name": "a"}, 3, 2.0)])
        await eventually(lambda: len(_lines(file)) == 1, within_s=15)
        other = _start(valkey_server, file, 0)
        await asyncio.sleep(1.5)
        killed = time.monotonic()
        first.kill()
        first.wait()
        await eventually(lambda: any(line.startswith("end") for line in _lines(file)), within_s=20)
        assert time.monotonic() - killed < 15
        assert _lines(file) == [f"start a {first.pid} 1", f"start a {other.pid} 1", f"end a {other.pid} 1"]

        async def completed() -> bool:
            return (await queues.count_jobs(("media",)))["media"]["completed"] == 1

        await eventually(completed, within_s=5)
    finally:
        for process in (first, other):
            if process is not None:
                process.kill()
                process.wait()


@pytest.mark.timeout(60)
async def test_sigterm_ends_the_process_with_its_job_done(
    queues: JobQueues, valkey_server: ValkeyServer, tmp_path: Path
) -> None:
    file = tmp_path / "ran"
    process = _start(valkey_server, file, 1)
    try:
        await queues.add([QueuedJob(str(uuid4()), "media", "slow", {"name": "a"}, 3, 2.0)])
        await eventually(lambda: len(_lines(file)) == 1, within_s=15)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 8) == 0
    finally:
        process.kill()
        process.wait()
    assert _lines(file) == [f"start a {process.pid} 1", f"end a {process.pid} 1"]
