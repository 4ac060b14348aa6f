"""Hostile originals end in words, take no more than their limits, and leave nothing: neither files nor processes."""

from __future__ import annotations

import asyncio
import re
import resource
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
import pytest
from httpx2 import AsyncClient

from clips import film, left_in
from eventually import eventually
from films import make_ready
from hostile_files import HARMLESS, REFUSED, SECRET, Hostile
from ments.media.job_events import MediaUploaded
from ments.parts import Parts
from posting import Member, fetch_row, make_member, open_api
from running_stack import RunningStack, clean_environ
from uploaded import files_of, id_of, make_queued, row_of

MEMORY_MAX = 1_200_000_000


def peak_memory() -> int:
    """The most that any program which this process has started and seen end had in memory, in bytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def left_programs() -> list[str]:
    """Programs that this process has started and that still run, the stack's own apart."""
    found = psutil.Process().children(recursive=True)
    lines = [" ".join(child.cmdline()) for child in found if child.status() != psutil.STATUS_ZOMBIE]
    return [line for line in lines if "bwrap" in line or "ffmpeg" in line or "/inside/" in line]


@pytest.mark.parametrize("name", HARMLESS)
async def test_what_it_carries_is_left_behind(
    parts: Parts, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (folder := tmp_path / "made").mkdir()
    event = await make_queued(parts, await make_member(parts), HARMLESS[name](folder))
    await make_ready(parts, event)
    row = await row_of(parts, event)
    assert row["status"] == "ready"
    stored = [file for file in await files_of(parts, event) if file != "original"]
    assert stored
    for number, file in enumerate(stored):
        copy = tmp_path / f"{number}"
        await parts.bucket.download(f"media/{id_of(event)}/{file}", copy)
        data = copy.read_bytes()
        assert SECRET not in data
        assert b"<script>" not in data
    assert SECRET.decode() not in str(row["variants"])
    assert (left_in(tmp_path), left_programs()) == ([], [])


@pytest.mark.timeout(400)
async def test_a_worker_refuses_all_of_them_in_words(stack: RunningStack, parts: Parts, tmp_path: Path) -> None:
    """One worker and its relay: each hostile original becomes `failed` with its words, and the film after them is shown."""
    owner = await make_member(parts)
    events = {}
    for hostile in REFUSED:
        (folder := tmp_path / hostile.name).mkdir()
        events[hostile.name] = await make_queued(parts, owner, hostile.make(folder))
    good = await make_queued(parts, owner, film("good.mp4")(tmp_path))
    (work := tmp_path / "work").mkdir()
    async with running(stack, parts, work, "worker", "relay") as (worker, _):
        await _emit(parts, *events.values())
        await _are_final(parts, 240)
        await _emit(parts, good)

        async def is_ready() -> bool:
            return bool((await row_of(parts, good))["status"] == "ready")

        await eventually(is_ready, within_s=60)
        await _is_all_ended(parts)
        await asyncio.to_thread(_check_worker, worker.pid)
    # Of the worker's own programs, too: it was waited for.
    assert peak_memory() < MEMORY_MAX
    assert left_in(work) == []
    async with open_api(parts) as api:
        for hostile in REFUSED:
            await _check_refused(parts, api, owner, hostile, events[hostile.name])


async def _check_refused(parts: Parts, api: AsyncClient, owner: Member, hostile: Hostile, event: MediaUploaded) -> None:
    """It ended in its words, for its owner too, and nothing was made of it."""
    row = await row_of(parts, event)
    assert (hostile.name, row["status"], row["error_code"]) == (hostile.name, "failed", hostile.code)
    assert re.search(hostile.words, row["error_text"]), (hostile.name, row["error_text"])
    assert await files_of(parts, event) == ["original"]
    shown = await api.get(f"/api/media/{id_of(event)}", headers=owner.headers)
    assert shown.json()["error"] == {"code": hostile.code, "message": row["error_text"], "can_retry": False}
    assert "original" not in shown.text
    await parts.bucket.delete(event.key)


def _check_worker(pid: int) -> None:
    """The worker runs none of its programs any more, and has not grown."""
    worker = psutil.Process(pid)
    assert worker.children(recursive=True) == []
    assert worker.memory_info().rss < 400_000_000


async def _emit(parts: Parts, *events: MediaUploaded) -> None:
    async with parts.primary.transaction() as tx:
        await parts.outbox.emit_many(tx, list(events))


async def _are_final(parts: Parts, within_s: float) -> None:
    async def none_is_left() -> bool:
        row = await fetch_row(
            parts, "select count(*) as n from media where status <> 'failed' and filename <> 'good.mp4'"
        )
        return bool(row["n"] == 0)

    await eventually(none_is_left, within_s=within_s)


async def _is_all_ended(parts: Parts) -> None:
    """No job is left over, of those that follow upon others either; a worker that leaves may hand some back."""

    async def none_is_left() -> bool:
        row = await fetch_row(parts, "select count(*) as n from jobs where state in ('accepted', 'queued', 'running')")
        return bool(row["n"] == 0)

    await eventually(none_is_left)


@asynccontextmanager
async def running(
    stack: RunningStack, parts: Parts, folder: Path, *names: str
) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """Run `ments NAME` for each name over a test's parts; at the end each must have lived all the time, and leave well."""
    settings = parts.settings
    environ = clean_environ(**stack.env) | {
        "DATABASE_URL": settings.database_url,
        "DATABASE_REPLICA_URLS": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MENTS_METRICS_PORT": "0",
        "TMPDIR": str(folder),
    }
    async with AsyncExitStack() as held:
        started = [await held.enter_async_context(_running(name, environ)) for name in names]
        yield started


@asynccontextmanager
async def _running(name: str, environ: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "ments", name, env=environ)
    try:
        yield process
        assert process.returncode is None
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
