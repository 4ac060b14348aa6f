"""What a program can reach and take in the sandbox, and that it ends."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil
import pytest

import ments.media.sandbox as sandboxed
from eventually import eventually
from ments.errors import Retryable
from ments.media.argv import Limits
from ments.media.model import UnplayableMedia
from ments.media.programs import check_finished
from ments.media.sandbox import Finished, Sandbox, run_group

LIMITS = Limits(wall_s=20, cpu_s=20, memory=2**30, file=1_000_000)
JAILED, BARE = Sandbox("/usr/bin/bwrap"), Sandbox("/nonexistent/bwrap")


async def shell(sandbox: Sandbox, folder: Path, text: str, limits: Limits = LIMITS) -> Finished:
    source = folder / "source"
    source.write_text("the original\n")
    out = folder / "out"
    out.mkdir(exist_ok=True)
    return await sandbox.run(
        lambda seen, there: ["/usr/bin/sh", "-c", text.format(source=seen, out=there)],
        source=source,
        folder=out,
        programs=[],
        limits=limits,
    )


async def test_only_the_source_and_the_folder_can_be_reached(tmp_path: Path) -> None:
    done = await shell(JAILED, tmp_path, "cat {source}; echo made > {out}/file; ls /; env; cat /proc/net/dev; ls /proc")
    assert done.code == 0
    assert (tmp_path / "out" / "file").read_text() == "made\n"
    lines = done.output.splitlines()
    assert lines[0] == "the original"
    assert not {"root", "home", "work", "var", "run"} & set(lines)
    assert [line.split(":")[0].strip() for line in lines if ":" in line and "|" not in line] == ["lo"]
    assert len([line for line in lines if line.isdigit()]) < 6
    assert not [line for line in lines if line.startswith(("SECRET", "AWS", "DATABASE", "HOME"))]
    for attempt in ("echo x > {source}", "echo x > /usr/x", "cat /etc/passwd", f"cat {tmp_path}/source"):
        assert (await shell(JAILED, tmp_path, attempt)).code != 0
    assert (tmp_path / "source").read_text() == "the original\n"


@pytest.mark.parametrize("sandbox", [JAILED, BARE], ids=["jailed", "bare"])
async def test_limits_hold(tmp_path: Path, sandbox: Sandbox) -> None:
    too_large = await shell(sandbox, tmp_path, "exec head -c 2000000 /dev/zero > {out}/big")
    assert too_large.ran_out
    assert (tmp_path / "out" / "big").stat().st_size == 1_000_000
    busy = Limits(wall_s=20, cpu_s=1, memory=2**30, file=1)
    assert (await shell(sandbox, tmp_path, "while :; do :; done", busy)).ran_out
    hungry = Limits(wall_s=20, cpu_s=20, memory=200_000_000, file=1)
    assert (await shell(sandbox, tmp_path, "exec tail /dev/zero", hungry)).code != 0
    assert (await shell(sandbox, tmp_path, "ulimit -c; ulimit -n")).output.split() == ["0", "256"]


@pytest.mark.parametrize("sandbox", [JAILED, BARE], ids=["jailed", "bare"])
async def test_what_ignores_sigterm_is_ended(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxed, "_GRACE_S", 0.5)
    await sandbox.is_jailed()
    mark = f"41{time.monotonic_ns() % 1_000_000}"
    began = time.monotonic()
    text = f"trap '' TERM; sleep {mark} & sleep {mark}; sleep {mark}"
    done = await shell(sandbox, tmp_path, text, Limits(wall_s=1, cpu_s=20, memory=2**30, file=1))
    assert done.timed_out
    assert time.monotonic() - began < 30, "it slept for ever"
    await assert_gone(mark)


@pytest.mark.parametrize("sandbox", [JAILED, BARE], ids=["jailed", "bare"])
@pytest.mark.parametrize("where", ["1", "2"])
async def test_what_floods_its_pipes_and_ignores_sigterm_is_ended(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(sandboxed, "_GRACE_S", 0.5)
    limits = Limits(wall_s=1, cpu_s=20, memory=2**30, file=1)
    async with asyncio.timeout(60):
        done = await shell(sandbox, tmp_path, f"trap '' TERM; yes >&{where}", limits)
    assert done.timed_out


async def test_being_cancelled_ends_the_program(tmp_path: Path) -> None:
    mark = f"42{time.monotonic_ns() % 1_000_000}"
    running = asyncio.create_task(shell(JAILED, tmp_path, f"sleep {mark}; true"))
    await eventually(lambda: is_running(mark))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await assert_gone(mark)


@pytest.mark.parametrize("sandbox", [JAILED, BARE], ids=["jailed", "bare"])
async def test_being_cancelled_again_ends_what_ignores_sigterm(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandboxed, "_GRACE_S", 600.0)
    mark = f"43{time.monotonic_ns() % 1_000_000}"
    running = asyncio.create_task(shell(sandbox, tmp_path, f"trap '' TERM; sleep {mark}; sleep {mark}; sleep {mark}"))
    await eventually(lambda: is_running(mark))
    for _ in range(2):
        running.cancel()
        await asyncio.wait([running], timeout=0.3)
    with pytest.raises(asyncio.CancelledError):
        await running
    await assert_gone(mark)


def is_running(mark: str) -> bool:
    return any(mark in (process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))


async def assert_gone(mark: str) -> None:
    await eventually(lambda: not is_running(mark))


async def test_without_bubblewrap_the_limits_stay_and_the_log_is_loud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = Sandbox("/nonexistent/bwrap")
    assert (await shell(sandbox, tmp_path, "cat {source}")).output == "the original\n"
    assert "sandbox_missing" in capsys.readouterr().out


async def test_output_without_end_is_bounded(tmp_path: Path) -> None:
    done = await run_group(["/usr/bin/head", "-c", "50000000", "/dev/zero"], folder=tmp_path, wall_s=20)
    assert len(done.output) <= 1_000_000


@pytest.mark.parametrize(
    ("finished", "error", "code"),
    [
        (Finished(1, "", "Invalid data found", False), UnplayableMedia, "damaged"),
        (Finished(183, "", "Invalid data found", False), UnplayableMedia, "damaged"),
        (Finished(255, "", "Exiting normally, received signal 15.", False), Retryable, "stopped"),
        (Finished(255, "", "", False), Retryable, "stopped"),
        (Finished(255, "", "Error muxing a packet: Operation not permitted", False), UnplayableMedia, "damaged"),
        (Finished(-24, "", "", False), UnplayableMedia, "too_heavy"),
        (Finished(244, "", "x: Cannot allocate memory", False), UnplayableMedia, "too_heavy"),
        (Finished(-9, "", "", False), Retryable, "stopped"),
        (Finished(137, "", "", False), Retryable, "stopped"),
        (Finished(1, "", "bwrap: no namespaces", False), Retryable, "stopped"),
        (Finished(1, "", "write: No space left on device", False), Retryable, "disk_full"),
        (Finished(-15, "", "", True), Retryable, "too_slow"),
    ],
)
def test_whose_fault_it_was(finished: Finished, error: type[Exception], code: str) -> None:
    with pytest.raises(error) as raised:
        check_finished(finished, "ffmpeg")
    assert getattr(raised.value, "problem_code", None) == code
