"""Spoilt originals, made at random, through the media jobs: each ends, as media that play or in words.

`make fuzz` runs this for a minute under a new seed, `make test` for some seconds under seed 1. What fails names its seed
and its number; MENTS_FUZZ_SEED and MENTS_FUZZ_FROM bring them back.
"""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from clips import left_in
from ments.errors import Permanent, Retryable
from ments.jobs import JobDied
from ments.media.tasks import assemble, encode_first, encode_piece, give_up_transcode, improve_photo, transcode
from ments.parts import Parts
from mutations import make_whole, spoil
from posting import Member, job_of, make_member
from uploaded import files_of, id_of, make_queued, row_of

SECONDS = float(os.environ.get("MENTS_FUZZ_S", "8"))
SEED = int(os.environ.get("MENTS_FUZZ_SEED", "1"))
FIRST = int(os.environ.get("MENTS_FUZZ_FROM", "0"))
MEMORY_MAX = 1_200_000_000
ONE_MAX_S = 300.0
"""For one original of some KB, whose times may say that it lasts four hours, on a machine that has other work."""
TASKS = {task.name: task for task in (encode_first, encode_piece, assemble, improve_photo)}
TRIES = 3


@pytest.mark.timeout(SECONDS * 2 + 400)
async def test_every_spoilt_original_ends(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (folder := tmp_path / "whole").mkdir()
    whole = [path.read_bytes() for path in make_whole(folder)]
    owner, ends, until, number = await make_member(parts), Counter[str](), time.monotonic() + SECONDS, FIRST
    while time.monotonic() < until:
        chance = Random(f"{SEED} {number}")
        data, done = spoil(chance.choice(whole), chance.choice(whole), chance)
        if data:
            print(f"MENTS_FUZZ_SEED={SEED} MENTS_FUZZ_FROM={number}: {done}, {len(data)} bytes", flush=True)
            async with asyncio.timeout(ONE_MAX_S):
                ends[await _end_of(parts, owner, tmp_path, data)] += 1
        number += 1
    print(f"seed {SEED}, {number - FIRST} originals:", *(f"{end} {count}" for end, count in ends.most_common()))
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < MEMORY_MAX
    assert left_in(tmp_path) == []


async def _end_of(parts: Parts, owner: Member, folder: Path, data: bytes) -> str:
    """Send one original through all of its jobs; returns how it ended."""
    (source := folder / "spoilt").write_bytes(data)
    event = await make_queued(parts, owner, source)
    ours = await _run(parts, transcode, uuid4(), event)
    async for job_id, task, payload in _jobs(parts):
        ours |= await _run(parts, TASKS[task], job_id, TASKS[task].decode(payload))
    row, files = await row_of(parts, event), await files_of(parts, event)
    await parts.bucket.delete_prefix(f"media/{id_of(event)}/")
    if row["status"] == "failed":
        assert row["error_text"].endswith(".")
        assert files == ["original"]
        return f"{row['error_code']} (tried again)" if ours else str(row["error_code"])
    assert row["status"] == "ready"
    assert {f"{row['generation']}/{variant['file']}" for variant in row["variants"]} <= set(files)
    return "ready"


async def _run(parts: Parts, task: Any, job_id: UUID, event: Any) -> bool:
    """Run a job as a worker would: what may be tried again is, then it dies. Returns whether it did."""
    for attempt in range(1, TRIES + 1):
        try:
            await task(parts, job_of(task.name, queue="media", job_id=str(job_id), attempt=attempt), event)
        except Permanent:
            return False
        except Retryable as error:
            cause = error
        else:
            return False
    died = JobDied(job_id, task.queue, task.name, cause.problem_code, cause.safe, payload_of(event))
    await give_up_transcode(parts, job_of("give_up_transcode"), died)
    return True


def payload_of(event: Any) -> Any:
    """As the ledger keeps it."""
    return msgspec.to_builtins(event)


async def _jobs(parts: Parts) -> AsyncIterator[tuple[UUID, str, Any]]:
    """The jobs of media, oldest first, also those that are accepted while one is run; each goes when it is fetched."""
    while True:
        async with parts.primary.transaction() as tx:
            cursor = await tx.connection.execute(
                "delete from jobs where id = (select id from jobs where task = any(%s) order by accepted_at, id limit 1)"
                " returning id, task, payload",
                (list(TASKS),),
            )
            row = await cursor.fetchone()
        if row is None:
            return
        yield row["id"], row["task"], row["payload"]
