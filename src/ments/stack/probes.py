"""Small real questions to a part. Each returns when the part works, and raises NotReady or OSError until then."""

from __future__ import annotations

import asyncio
import http.client
from typing import LiteralString
from urllib.parse import urlsplit

from ments.stack.model import NotReady

_LIMIT_S = 3.0


async def http_answers(url: str, *, expected: int = 200) -> None:
    """GET the URL and expect one status."""
    await asyncio.to_thread(_get, url, expected)


def _get(url: str, expected: int) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=_LIMIT_S)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        text = response.read(2000).decode(errors="replace")
        if response.status != expected:
            raise NotReady(f"GET {url} answers {response.status}: {text[:300]}")
    except http.client.HTTPException as cause:
        raise NotReady(f"GET {url}: {cause!r}") from cause
    finally:
        connection.close()


async def postgres_answers(url: str, query: LiteralString = "select true", *values: str) -> None:
    """Run one query, whose first column must come out true."""
    import psycopg

    try:
        async with asyncio.timeout(_LIMIT_S):
            async with await psycopg.AsyncConnection.connect(
                url, autocommit=True, connect_timeout=2, prepare_threshold=None
            ) as connection:
                row = await (await connection.execute(query, values)).fetchone()
    except (psycopg.Error, TimeoutError) as cause:
        raise NotReady(f"{query!r}: {cause!r}") from cause
    if not (row and row[0]):
        raise NotReady(f"{query!r} answers {row}")


async def valkey_answers(port: int, password: str) -> None:
    """Sign in, write a key that soon expires, and read it: a server that still loads its data refuses."""
    async with asyncio.timeout(_LIMIT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(
                f"AUTH {password}\r\nSET ments:stack:ready 1 EX 10\r\nGET ments:stack:ready\r\nQUIT\r\n".encode()
            )
            answer = await reader.read()
        finally:
            writer.close()
    if answer != b"+OK\r\n+OK\r\n$1\r\n1\r\n+OK\r\n":
        raise NotReady(f"valkey answers {answer[:200]!r}")
