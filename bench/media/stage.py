"""Real parts with media workers of the bench's own: uploads that are completed, and when their films play and are ready."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psutil
import psycopg
from psycopg.rows import DictRow, dict_row

from bench.jobs.cpu import cpu_seconds
from bench.jobs.place import MENTS, Place
from bench.media.sources import Original
from bench.media.spent import children_cpu_s
from ments.accounts.store import insert_account
from ments.app import open_parts
from ments.media.actions import complete_upload
from ments.media.actions.erase import erase_media
from ments.media.rules import UploadPlan
from ments.media.store import insert_upload
from ments.parts import Parts
from ments.settings import read_settings

_PLAYS_POLL_S = 0.05
_READY_POLL_S = 0.5
"""How often it is looked; when it was is told by the ledger. A hundred looks a second took a third of a core."""

_PLAYABLE_S = """
    select extract(epoch from finished_at - %s)::float8 from jobs
    where task = 'transcode' and payload->>'key' = %s
"""
_READY_S = """
    select extract(epoch from finished_at - %s)::float8 from jobs where task = 'assemble' and payload->>'media_id' = %s
"""
_LIMIT_S = 600.0
_END_S = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """When a film could be played and was ready, in s after the upload's completion was asked for."""

    media_id: UUID
    playable_s: float
    ready_s: float


class Workers:
    """Media workers, a process each, and the relay."""

    def __init__(self, processes: dict[str, subprocess.Popen[bytes]]) -> None:
        self._processes = processes

    def cpu_s(self) -> float:
        """CPU seconds of the workers so far, with all that ran below them."""
        return self.own_cpu_s() + children_cpu_s()

    def own_cpu_s(self) -> float:
        """The same without what ran in jails: the workers themselves, and what starts the jails."""
        return cpu_seconds(psutil.Process(process.pid) for name, process in self._processes.items() if name != "relay")


@contextmanager
def run_workers(place: Place, count: int, *, chunk_s: int = 64, one_core_each: bool = False) -> Iterator[Workers]:
    """Start so many workers of one media job at a time. `one_core_each`: what they run may use that core only."""
    environ = place.environ | {"MENTS_MEDIA_CHUNK_S": str(chunk_s), "MENTS_MEDIA_CONCURRENCY": "1"}
    commands = {f"worker-{index}": ["worker", "--queues", "media"] for index in range(count)} | {"relay": ["relay"]}
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for index, (name, words) in enumerate(commands.items()):
            with (place.home / f"bench-{name}.log").open("ab") as log:
                process = subprocess.Popen([*MENTS, *words], env=environ, stdout=log, stderr=log)
            if one_core_each and name != "relay":
                psutil.Process(process.pid).cpu_affinity([index % (psutil.cpu_count() or 1)])
            processes[name] = process
        yield Workers(processes)
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(timeout=_END_S)


@asynccontextmanager
async def open_stage(place: Place) -> AsyncIterator[Stage]:
    async with open_parts(read_settings(place.environ)) as parts:
        async with parts.primary.transaction() as tx:
            name = f"b{uuid4().hex[:10]}"
            account = await insert_account(
                tx,
                id=uuid4(),
                username=name,
                email=f"{name}@ments.example",
                password_hash=None,
                full_name="",
                is_admin=False,
            )
        assert account is not None
        direct = place.environ["DATABASE_DIRECT_URL"]
        async with await psycopg.AsyncConnection.connect(direct, autocommit=True, row_factory=dict_row) as looking:
            yield Stage(parts, account.id, looking)


class Stage:
    """One member who sends films."""

    def __init__(self, parts: Parts, account_id: UUID, looking: psycopg.AsyncConnection[DictRow]) -> None:
        self.parts = parts
        self._account_id = account_id
        self._looking = looking

    async def send(self, original: Original) -> UUID:
        """Put a film into storage, as a browser does; returns the upload, which is not complete yet."""
        media_id, upload_id = uuid4(), uuid4()
        plan = UploadPlan("film.mp4", "video/mp4", original.bytes, None)
        async with self.parts.primary.transaction() as tx:
            await insert_upload(tx, upload_id=upload_id, media_id=media_id, account_id=self._account_id, plan=plan)
        await self.parts.bucket.upload(f"media/{media_id}/original", original.path, "video/mp4")
        return upload_id

    async def send_whole(self, original: Original) -> UUID:
        """Send and complete; returns the media."""
        return await complete_upload(self.parts, self._account_id, await self.send(original))

    async def show(self, original: Original, *, until_ready: bool = True) -> Shown:
        """Send and complete; wait until it plays, and until it is ready or else has been erased."""
        upload_id = await self.send(original)
        started = await self.value("select clock_timestamp()")
        media_id = await complete_upload(self.parts, self._account_id, upload_id)
        await self._wait(media_id, ("playable", "ready"), _PLAYS_POLL_S)
        playable_s = await self.value(_PLAYABLE_S, started, f"media/{media_id}/original")
        if until_ready:
            await self._wait(media_id, ("ready",), _READY_POLL_S)
            return Shown(media_id, playable_s, await self.value(_READY_S, started, str(media_id)))
        await erase_media(self.parts, media_id, even_if_attached=True)
        await self.rest()
        return Shown(media_id, playable_s, 0.0)

    async def rest(self) -> None:
        """Wait until no job is left."""
        started = time.monotonic()
        while await self.value(
            "select count(*) from jobs where queue in ('media', 'ladder') and state in ('accepted', 'queued', 'running')"
        ):
            if time.monotonic() - started > _LIMIT_S:
                raise TimeoutError("media jobs are still left")
            await asyncio.sleep(0.1)

    async def encode_span_s(self, media_id: UUID) -> float:
        """From the moment a film plays until the last of its pieces is stored, in s."""
        return float(
            await self.value(
                "select extract(epoch from max(ended_at) - min(created_at))::float8 from media_pieces where media_id = %s",
                media_id,
            )
        )

    async def _wait(self, media_id: UUID, wanted: tuple[str, ...], poll_s: float) -> None:
        started = time.monotonic()
        while (status := await self.value("select status from media where id = %s", media_id)) not in wanted:
            waited = time.monotonic() - started
            if status == "failed" or waited > _LIMIT_S:
                raise TimeoutError(f"the film is {status} after {waited:.0f} s")
            await asyncio.sleep(poll_s)

    async def value(self, statement: str, *values: object) -> Any:
        """One value of the database."""
        (row,) = await self.rows(statement, *values)
        return next(iter(row.values()))

    async def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """What a statement finds in the database."""
        return await (await self._looking.execute(statement, values)).fetchall()
