"""Films brought to their end without a worker: the jobs of a transcode, run one after another."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from ments.jobs import JobContext
from ments.media.job_events import FirstPieceWanted, MediaUploaded, PiecesStored, PieceWanted
from ments.media.tasks import assemble, encode_first, encode_piece, transcode
from ments.parts import Parts
from posting import NotedLease, job_of, list_jobs
from uploaded import run_of


def piece_run(task: str, job_id: str = "piece", lease: NotedLease | None = None) -> JobContext:
    """A run of one of a film's jobs, for calling it directly."""
    return job_of(task, queue="media", job_id=job_id, lease=lease)


async def make_pieces(parts: Parts) -> list[str]:
    """Run the jobs for all pieces that were accepted, those that play first before the others; returns their names."""
    names = []
    for name, task, event_type in (
        ("encode_first", encode_first, FirstPieceWanted),
        ("encode_piece", encode_piece, PieceWanted),
    ):
        for payload in await list_jobs(parts, name):
            await task(parts, piece_run(name), msgspec.convert(payload, event_type))
            names.append(payload["name"])
    return names


async def finish(parts: Parts) -> None:
    """Make what is left of all films."""
    await make_pieces(parts)
    for payload in await list_jobs(parts, "assemble"):
        await assemble(parts, piece_run("assemble"), msgspec.convert(payload, PiecesStored))


async def make_ready(parts: Parts, event: MediaUploaded) -> dict[str, Any]:
    """Transcode and finish; returns what the transcode told."""
    told: dict[str, Any] = await transcode(parts, run_of(), event)
    await finish(parts)
    return told


async def pieces_of(parts: Parts, media_id: UUID) -> list[dict[str, Any]]:
    """The rows of a film's pieces, in the order of their names."""
    async with parts.primary.session() as session:
        rows = await session.connection.execute(
            "select * from media_pieces where media_id = %s order by name", (media_id,)
        )
        return [dict(row) async for row in rows]
