"""2,000 open streams of a feed on one API process: memory a stream, and how long until each is told of a new post.

Run: .venv/bin/python -m bench.feed.streams [--streams 2000] [--posts 5]
In a stack of its own, beside one process of the API as `ments api` runs it. The streams are those of members, ten of each, half of them of
those whom they follow; each shows twenty posts, whose counts are followed, too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psutil

from bench.jobs.place import Place, open_place
from bench.record import Figure, record
from bench.stack import find_free_port
from ments.accounts.sessions import open_session
from ments.app import open_parts
from ments.feeds.live_hub import TOPIC
from ments.parts import Parts
from ments.settings import read_settings

_OF_ONE = 10
_SHOWN = 20
_SETTLE_S = 3.0
_LOST_AFTER_S = 20.0
_OPENED_AT_ONCE = 50


class Stream:
    """One reader's connection: notes when it is told of a new post."""

    def __init__(self) -> None:
        self.told_at = 0.0
        self.events = 0
        self._task: asyncio.Task[None] | None = None
        # Kept: a writer that nobody holds is closed.
        self._writer: asyncio.StreamWriter | None = None

    async def open(self, port: int, token: str, kind: str, shown: list[UUID]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        self._writer = writer
        path = f"/api/feed/live?kind={kind}&posts={','.join(map(str, shown))}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"A stream was refused: {head.splitlines()[0].decode()}")
        self._task = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if line.startswith(b"event: "):
                self.events += 1
            if line.startswith(b"event: new"):
                self.told_at = time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=2_000)
    parser.add_argument("--posts", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="into bench/RESULTS.md")
    asked = parser.parse_args()
    with open_place() as place, one_api(place) as (port, process):
        figures = asyncio.run(measure(place, port, process, asked.streams, asked.posts))
    for name, figure in figures.items():
        print(f"{name:32} {figure.value:9.3f} {figure.unit:4} {figure.how}")
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")
    if asked.record:
        record(figures)


@contextmanager
def one_api(place: Place) -> Iterator[tuple[int, psutil.Process]]:
    """The API in one process, as `ments api` runs each of its own."""
    port = find_free_port()
    served = subprocess.Popen(
        [sys.executable, "-m", "bench.feed.served", "ments.app:create_asgi", str(port), "1"],
        env=place.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(0.5)
            child = _serving(served.pid)
            if child is not None and any(one.laddr and one.laddr.port == port for one in child.net_connections()):
                break
        time.sleep(_SETTLE_S)
        child = _serving(served.pid)
        if child is None:
            raise SystemExit("The API did not start.")
        yield port, child
    finally:
        served.terminate()
        served.wait(timeout=20)


def _serving(pid: int) -> psutil.Process | None:
    """The process that serves: beside it the first one has a child that minds what both share."""
    children = [one for one in psutil.Process(pid).children() if "spawn_main" in " ".join(one.cmdline())]
    return children[0] if children else None


async def measure(place: Place, port: int, api: psutil.Process, streams: int, posts: int) -> dict[str, Figure]:
    async with open_parts(read_settings(place.environ)) as parts:
        author_id, tokens, shown = await fill(parts, -(-streams // _OF_ONE))
        opened: list[Stream] = []
        # What a first stream brings once is not counted with the others.
        first = Stream()
        await first.open(port, tokens[0], "latest", shown)
        await asyncio.sleep(_SETTLE_S)
        before, started = api.memory_full_info().uss, time.perf_counter()
        for start in range(1, streams, _OPENED_AT_ONCE):
            batch = [Stream() for _ in range(start, min(streams, start + _OPENED_AT_ONCE))]
            await asyncio.gather(
                *(
                    stream.open(port, tokens[(start + at) // _OF_ONE], "latest" if at % 2 else "following", shown)
                    for at, stream in enumerate(batch)
                )
            )
            opened += batch
        opened_s = time.perf_counter() - started
        await asyncio.sleep(_SETTLE_S * 2)
        after, cpu = api.memory_full_info().uss, sum(api.cpu_times()[:2])
        idle_from = time.perf_counter()
        await asyncio.sleep(10)
        idle_cpu = (sum(api.cpu_times()[:2]) - cpu) / (time.perf_counter() - idle_from) * 100
        waits: list[float] = []
        for _ in range(posts):
            waits += await post_and_wait(parts, author_id, opened)
    how = f"{streams:,} streams of members on one process, {_SHOWN} posts on each screen"
    return {
        "feed/streams_bytes": Figure((after - before) / 1024 / len(opened), "KiB", f"{how}; unshared memory of the API a stream"),
        "feed/streams_opened": Figure(len(opened) / opened_s, "1/s", f"{how}; opened {_OPENED_AT_ONCE} at once"),
        "feed/streams_idle_cpu": Figure(idle_cpu, "%", f"{how}; of one core, while nothing happens"),
        "feed/streams_told_p50": Figure(statistics.median(waits), "s", f"{how}; from the word to the event, {posts} posts"),
        "feed/streams_told_p99": Figure(statistics.quantiles(waits, n=100)[98], "s", f"{how}; from the word to the event, {posts} posts"),
    }  # fmt: skip


async def fill(parts: Parts, members: int) -> tuple[UUID, list[str], list[UUID]]:
    """An author whom all members follow, the members' tokens, and the posts on their screens."""
    author_id, people, shown = uuid4(), [uuid4() for _ in range(members)], [uuid4() for _ in range(_SHOWN)]
    async with parts.primary.transaction() as tx:
        execute = tx.connection.execute
        await execute(
            "insert into accounts (id, username, email) select id, 'u' || replace(id::text, '-', ''), id || '@bench.example'"
            " from unnest(%s::uuid[]) as id",
            ([author_id, *people],),
        )
        await execute(
            "insert into follows (follower_id, followee_id) select unnest(%s::uuid[]), %s", (people, author_id)
        )
        await execute(
            "insert into posts (id, account_id, visibility, status, sorted_at)"
            " select id, %s, 'public', 'published', now() - interval '1 hour' from unnest(%s::uuid[]) as id",
            (author_id, shown),
        )
        tokens = [await open_session(tx, account_id) for account_id in people]
    return author_id, tokens, shown


async def post_and_wait(parts: Parts, author_id: UUID, streams: list[Stream]) -> list[float]:
    """Post once and say so, as the fan-out does; how long until each stream was told, in seconds."""
    post_id = uuid4()
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "insert into posts (id, account_id, visibility, status) values (%s, %s, 'public', 'published')",
            (post_id, author_id),
        )
    for stream in streams:
        stream.told_at = 0.0
    said = time.perf_counter()
    await parts.heard.tell(TOPIC, post_id.bytes)
    while any(not stream.told_at for stream in streams):
        if time.perf_counter() - said > _LOST_AFTER_S:
            silent = sum(not stream.told_at for stream in streams)
            raise SystemExit(f"{silent} of {len(streams)} streams were not told within {_LOST_AFTER_S:.0f} s.")
        await asyncio.sleep(0.05)
    return [stream.told_at - said for stream in streams]


if __name__ == "__main__":
    main()
