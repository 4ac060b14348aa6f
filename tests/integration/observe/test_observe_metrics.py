"""/metrics of several processes that count together: sums, and what becomes of one that was killed."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families

_PROGRAM = Path(__file__).with_name("counting_processes.py")


async def _read(port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    async with httpx2.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_processes_count_together_and_a_killed_one_leaves_no_running_request(tmp_path: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(_PROGRAM),
        str(tmp_path / "counters"),
        str(port),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    async def line_with(word: bytes) -> None:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while word not in await process.stdout.readline():
                assert not process.stdout.at_eof()

    answered = (
        "ments_http_request_seconds_count",
        frozenset({("method", "GET"), ("route", "/x/{id}"), ("status", "200")}),
    )
    running = ("ments_http_requests_running", frozenset({("method", "GET")}))
    try:
        await line_with(b"ready")
        seen = await _read(port)
        assert (seen[answered], seen[running]) == (2, 2)
        assert seen["ments_process_resident_bytes", frozenset({("service", "ments")})] > 20e6
        process.stdin.write(b"\n")
        await line_with(b"killed")
        seen = await _read(port)
        assert (seen[answered], seen[running]) == (2, 1)
        process.stdin.write(b"\n")
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
