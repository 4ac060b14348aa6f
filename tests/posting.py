"""Members, media and posts for tests, and the API in this process over the parts that a test was given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import httpx2
import msgspec

from ments.accounts.model import Viewer
from ments.accounts.sessions import open_session
from ments.accounts.store import insert_account
from ments.app import create_app
from ments.cache.shared_memory import SharedCache
from ments.db import Transaction
from ments.jobs import JobContext, LeaseLost
from ments.parts import Parts
from ments.settings import Settings

ORIGIN = "http://ments.test"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who is signed in."""

    viewer: Viewer
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def make_member(parts: Parts) -> Member:
    """Make an account without a password, signed in."""
    name = f"m{uuid4().hex[:12]}"
    async with parts.primary.transaction() as tx:
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
        token = await open_session(tx, account.id)
    return Member(account.as_viewer(), token)


async def make_media(parts: Parts, owner: Viewer, *, status: str = "ready", generation: str | None = "p1") -> UUID:
    """Write the row of a video as the worker leaves it."""
    media_id = uuid4()
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            """
            insert into media (id, account_id, status, kind, filename, audience, generation, width, height, duration_s,
                               poster_file, variants, error_code, error_text)
            values (%s, %s, %s, 'video', 'clip.mov', 'private', %s, 720, 1280, 3.5, 'poster.jpg',
              '[{"file": "720p.mp4", "name": "720p", "kind": "video", "content_type": "video/mp4", "width": 720, "height": 1280,
                 "bytes": 1000, "bitrate": 900000}]', %s, %s)
            """,
            (
                media_id,
                owner.id,
                status,
                generation,
                "unplayable" if status == "failed" else None,
                "Stops after 2.0 of 9.0 s." if status == "failed" else None,
            ),
        )
    return media_id


async def set_media(parts: Parts, media_id: UUID, *, status: str, generation: str | None) -> None:
    """Let the worker get on with a video."""
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "update media set status = %s, generation = %s where id = %s", (status, generation, media_id)
        )


async def fetch_row(parts: Parts, sql: str, *values: Any) -> dict[str, Any]:
    """Read one row that must be there."""
    async with parts.primary.session() as session:
        row = await (await session.connection.execute(sql, values)).fetchone()
    assert row is not None
    return row


async def list_jobs(parts: Parts, task: str) -> list[dict[str, Any]]:
    """The payloads of the jobs that were accepted for a task, oldest first."""
    async with parts.primary.session() as session:
        rows = await session.connection.execute(
            "select payload from jobs where task = %s order by accepted_at", (task,)
        )
        return [row["payload"] async for row in rows]


@dataclass
class NotedLease:
    """A run without a row in the ledger: what its task writes for the job is noted here. `lost` once it was overtaken."""

    steps: dict[str, Any] = field(default_factory=dict)
    progress: list[float] = field(default_factory=list)
    commits: int = 0
    lost: bool = False

    async def commit(self, tx: Transaction) -> None:
        self._check()
        self.commits += 1

    async def finish_step(self, name: str, result: Any) -> None:
        self._check()
        self.steps[name] = msgspec.json.decode(msgspec.json.encode(result))

    async def report(self, fraction: float) -> None:
        self.progress.append(fraction)

    def _check(self) -> None:
        if self.lost:
            raise LeaseLost("Another run of this job has begun.")


def job_of(
    task: str,
    *,
    queue: str = "default",
    job_id: str = "job",
    attempt: int = 1,
    lease: NotedLease | None = None,
    revived: bool = False,
) -> JobContext:
    """A run of a task, for calling it directly; one that is given the `lease` of an earlier run finds its steps."""
    noted = lease or NotedLease()
    return JobContext(job_id, queue, task, attempt, 3, noted, revived=revived, steps=dict(noted.steps))


@dataclass(eq=False)
class _Application:
    """The web application of `app.py`: takes a third of a second to build, so it is opened again and again."""

    settings: Settings
    parts: Parts | None = None

    def __post_init__(self) -> None:
        self.asgi: Any = create_app(self.settings, opened=lambda settings: nullcontext(cast("Parts", self.parts)))


# Those that stand ready; one that is open is nobody else's.
_ready: list[_Application] = []
_READY_MOST = 8


@asynccontextmanager
async def open_api(parts: Parts, shared: SharedCache | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """The web application of `app.py` over these parts, without a socket between. `shared`: with others, as if in processes."""
    found = next((one for one in _ready if one.settings == parts.settings), None)
    if found is not None:
        _ready.remove(found)
    application = found or _Application(parts.settings)
    application.parts = parts
    application.asgi.share(shared)
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[Any] = asyncio.Queue()
    lifespan = asyncio.create_task(
        application.asgi({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, to_app.get, from_app.put)
    )
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    transport = httpx2.ASGITransport(app=application.asgi)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield client
    await to_app.put({"type": "lifespan.shutdown"})
    assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
    await lifespan
    # Not one that a test failed in.
    _ready[_READY_MOST - 1 :] = []
    _ready.append(application)
