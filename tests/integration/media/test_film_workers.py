"""Films in the hands of several real workers, of which one is killed at each stage."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import pytest

import originals
from eventually import eventually
from films import pieces_of
from ments.media.job_events import MediaUploaded
from ments.parts import Parts
from posting import fetch_row, make_member
from running_stack import RunningStack, clean_environ
from uploaded import files_of, id_of, make_queued, row_of

PIECES = 7


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


async def find_holder(parts: Parts, event: MediaUploaded, tasks: tuple[str, ...]) -> str | None:
    """Who runs a job of these tasks for this film: the name of a worker, with its process id inside."""
    row = await fetch_row(
        parts,
        "select max(owner) as owner from jobs where state = 'running' and task = any(%s)"
        " and %s in (payload->>'media_id', payload->>'key')",
        list(tasks),
        event.key if tasks == ("transcode",) else str(id_of(event)),
    )
    return row["owner"] if row["owner"] else None


async def leases_of(parts: Parts) -> dict[tuple[UUID, str], int]:
    """How often the job of each piece was begun."""
    async with parts.primary.session() as session:
        rows = await session.connection.execute(
            "select p.media_id, p.name, j.lease from media_pieces p join jobs j on j.id = p.job_id"
        )
        return {(row["media_id"], row["name"]): row["lease"] async for row in rows}


@pytest.mark.timeout(400)
async def test_a_worker_that_is_killed_costs_the_pieces_that_it_held(
    stack: RunningStack, parts: Parts, tmp_path: Path
) -> None:
    """Three films one after another, each with the death of one worker at another stage; the fourth worker ends them all."""
    source = originals.make_video(tmp_path / "a.mp4", size="320x286", seconds=28, rate=12)
    owner = await make_member(parts)
    stages = (("transcode",), ("encode_first", "encode_piece"), ("assemble",))
    films = [await make_queued(parts, owner, source) for _ in stages]
    before: dict[tuple[UUID, str], Any] = {}
    leases: dict[tuple[UUID, str], int] = {}
    async with AsyncExitStack() as running:
        await running.enter_async_context(process(stack, parts, "relay"))
        workers = [await running.enter_async_context(process(stack, parts, "worker")) for _ in range(4)]
        for event, tasks in zip(films, stages, strict=True):
            async with parts.primary.transaction() as tx:
                await parts.outbox.emit(tx, event)
            victim = await _kill_holder(parts, event, tasks, workers)
            workers.remove(victim)
            before |= await stored(parts, films)
            leases |= {piece: lease for piece, lease in (await leases_of(parts)).items() if piece in before}

        async def are_ready() -> bool:
            return all([(await row_of(parts, event))["status"] == "ready" for event in films])

        await eventually(are_ready, within_s=150)
    after = await stored(parts, films)
    assert len(after) == PIECES * len(films)
    # What was committed when one died is what is served, and nobody made it again.
    assert {piece: after[piece] for piece in before} == before
    now = await leases_of(parts)
    assert {piece: now[piece] for piece in leases} == leases
    # Each had two at hand: one that makes a film playable to its end, and one that makes it better.
    assert sum(now.values()) <= len(now) + 2 * len(stages)
    for event in films:
        await _check_film(parts, event, tmp_path / "video.mp4")


async def _kill_holder(
    parts: Parts, event: MediaUploaded, tasks: tuple[str, ...], workers: list[asyncio.subprocess.Process]
) -> asyncio.subprocess.Process:
    held: list[str] = []

    async def is_held() -> bool:
        held[:] = filter(None, [await find_holder(parts, event, tasks)])
        return bool(held)

    await eventually(is_held, within_s=120)
    victim = next(worker for worker in workers if f"-{worker.pid}-" in held[0])
    victim.kill()
    await victim.wait()
    return victim


async def _check_film(parts: Parts, event: MediaUploaded, path: Path) -> None:
    row = await row_of(parts, event)
    assert row["error_code"] is None
    # Only what is used lies there, in one generation.
    folders = {name.split("/")[0] for name in await files_of(parts, event)}
    assert folders == {"original", row["generation"]}
    await parts.bucket.download(f"media/{id_of(event)}/{row['generation']}/video.mp4", path)
    with av.open(str(path)) as container:
        assert sum(True for packet in container.demux(video=0) if packet.size) == 28 * 12


async def stored(parts: Parts, films: list[MediaUploaded]) -> dict[tuple[UUID, str], Any]:
    """What the pieces of some films have come to, those that have ended."""
    return {
        (id_of(event), piece["name"]): piece["result"]
        for event in films
        for piece in await pieces_of(parts, id_of(event))
        if piece["result"]
    }
