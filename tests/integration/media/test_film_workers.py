"""A film in the hands of several real workers, of which one is killed at each stage."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import av
import pytest

import originals
from eventually import eventually
from films import pieces_of
from ments.media.job_events import MediaUploaded
from ments.parts import Parts
from posting import make_member
from running_stack import RunningStack, clean_environ
from uploaded import files_of, id_of, make_queued, row_of

PIECES = 6


@asynccontextmanager
async def process(stack: RunningStack, parts: Parts, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`ments WORDS` over the parts of a test, ended with it."""
    settings = parts.settings
    own = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_REPLICA_URLS": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MENTS_METRICS_PORT": "0",
        "MENTS_MEDIA_CHUNK_S": "8",
    }
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ments", *words), env=clean_environ(**stack.env) | own
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def holders(parts: Parts, tasks: tuple[str, ...]) -> list[str]:
    """Who runs jobs of these tasks: names of workers, with their process ids inside."""
    async with parts.primary.session() as session:
        rows = await session.connection.execute(
            "select owner from jobs where state = 'running' and task = any(%s)", (list(tasks),)
        )
        return [row["owner"] async for row in rows]


async def leases_of(parts: Parts) -> dict[str, int]:
    """How often the job of each piece was begun."""
    async with parts.primary.session() as session:
        rows = await session.connection.execute(
            "select p.name, j.lease from media_pieces p join jobs j on j.id = p.job_id"
        )
        return {row["name"]: row["lease"] async for row in rows}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("stage", ["transcode", "pieces", "assemble"])
async def test_a_worker_that_is_killed_costs_the_piece_that_it_held(
    stack: RunningStack, parts: Parts, tmp_path: Path, stage: str
) -> None:
    source = originals.make_video(tmp_path / "a.mp4", size="640x362", seconds=28, rate=12)
    event = await make_queued(parts, await make_member(parts), source)
    async with AsyncExitStack() as running:
        await running.enter_async_context(process(stack, parts, "relay"))
        workers = [await running.enter_async_context(process(stack, parts, "worker")) for _ in range(2)]
        await asyncio.sleep(3)  # both are there
        async with parts.primary.transaction() as tx:
            await parts.outbox.emit(tx, event)
        tasks = ("encode_first", "encode_piece") if stage == "pieces" else (stage,)
        held: list[str] = []

        async def is_held() -> bool:
            held[:] = await holders(parts, tasks)
            return bool(held)

        await eventually(is_held, within_s=120)
        victim = next(worker for worker in workers if f"-{worker.pid}-" in held[0])
        victim.kill()
        before = {piece["name"]: piece["result"] for piece in await stored(parts, event)}
        leases = await leases_of(parts)

        async def is_ready() -> bool:
            return bool((await row_of(parts, event))["status"] == "ready")

        await eventually(is_ready, within_s=150)
    after = {piece["name"]: piece["result"] for piece in await stored(parts, event)}
    assert len(after) == PIECES
    # What was committed when it died is what is served, and nobody made it again.
    assert {name: after[name] for name in before} == before
    now = await leases_of(parts)
    assert {name: now[name] for name in before if name in leases} == {n: leases[n] for n in before if n in leases}
    # It had two at hand: one that makes the film playable to its end, and one that makes it better.
    assert sum(now.values()) <= len(now) + 2
    row = await row_of(parts, event)
    assert row["error_code"] is None
    # Only what is used lies there, in one generation.
    folders = {name.split("/")[0] for name in await files_of(parts, event)}
    assert folders == {"original", row["generation"]}
    path = tmp_path / "video.mp4"
    await parts.bucket.download(f"media/{id_of(event)}/{row['generation']}/video.mp4", path)
    with av.open(str(path)) as container:
        assert sum(True for packet in container.demux(video=0) if packet.size) == 28 * 12


async def stored(parts: Parts, event: MediaUploaded) -> list[dict[str, Any]]:
    return [piece for piece in await pieces_of(parts, id_of(event)) if piece["result"]]
