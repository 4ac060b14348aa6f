"""The questions that the doctor asks, each of one part, over connections of its own: what is away keeps nobody else from being asked."""

from __future__ import annotations

import asyncio
import shutil
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import psycopg
from psycopg.rows import dict_row
from redis.asyncio import Redis

from ments.db import Session
from ments.db.migrate import newest_revision
from ments.doctor.findings import Finding, broken, ok, warning
from ments.jobs.ledger.overview import read_overview, slots_by_queue
from ments.jobs.model import QUEUES
from ments.media.programs import ffmpeg_of, sandbox_of
from ments.settings import Settings
from ments.storage import Bucket

_LIMIT_S = 15.0
_CONNECT_S = 3
_CLOCK_APART_S = 2.0
_LAG_MAX_S = 5.0
_DISK_FREE_BYTES = 2 * 1024**3
_MEMORY_SHARE = 0.75
_SENT_WITHIN_S = 60.0
_ENCODERS = ("libx264", "aac", "libwebp")
_START = "`ments status` shows whether it runs, `ments logs` why it does not"

_HOW_IS_POSTGRES: LiteralString = """
select extract(epoch from clock_timestamp())::float8 as now, current_setting('server_version') as version,
  pg_is_in_recovery() as is_replica
"""
_HOW_IS_REPLICA: LiteralString = """
select pg_is_in_recovery() as follows,
  case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn() - '0/0', 0) else 0 end::bigint as replayed
"""
_VERSION: LiteralString = "select coalesce(string_agg(version_num, ','), '') as version from alembic_version"

Check = Callable[[Settings], Awaitable[list[Finding]]]


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Ask each part in turn, 15 s at most; yields one finding or several for each."""
    for part, check in CHECKS.items():
        try:
            async with asyncio.timeout(_LIMIT_S):
                found = await check(settings)
        except TimeoutError:
            found = [broken(part, f"no answer within {_LIMIT_S:g} s", _FIXES[part])]
        except Exception as error:
            found = [broken(part, f"does not answer ({_words(error, settings)})", _FIXES[part])]
        for finding in found:
            yield finding


def _words(error: Exception, settings: Settings) -> str:
    """The cause in one line, without what the settings keep secret: drivers quote an address that they can't read."""
    if isinstance(error, ValueError | psycopg.ProgrammingError):
        return "its address or its answer cannot be read"
    words = " ".join((str(error) or type(error).__name__).split())
    for secret in _secrets(settings):
        words = words.replace(secret, "***")
    return words[:300]


def _secrets(settings: Settings) -> list[str]:
    urls = (settings.database_url, settings.database_direct_url, settings.redis_url, *settings.database_replica_urls)
    passwords = [url.partition("://")[2].rpartition("@")[0].partition(":")[2] for url in urls]
    return sorted(
        filter(None, {settings.aws_secret_access_key, settings.secret_key, *passwords}), key=len, reverse=True
    )


async def _connect(url: str) -> psycopg.AsyncConnection[dict[str, Any]]:
    return await psycopg.AsyncConnection.connect(
        url, autocommit=True, connect_timeout=_CONNECT_S, prepare_threshold=None, row_factory=dict_row
    )


async def _ask(url: str, question: LiteralString) -> dict[str, Any]:
    """The one row of an answer, over a new connection."""
    async with await _connect(url) as connection:
        row = await (await connection.execute(question)).fetchone()
    if row is None:
        raise LookupError("it answers without a row")
    return row


async def _database(settings: Settings) -> list[Finding]:
    began = time.perf_counter()
    row = await _ask(settings.database_url, _HOW_IS_POSTGRES)
    took_ms = (time.perf_counter() - began) * 1000
    if row["is_replica"]:
        return [broken("database", "it is a replica, and takes no writes", "let DATABASE_URL lead to the primary")]
    found = [ok("database", f"Postgres {row['version']} answers, connected and asked in {took_ms:.0f} ms")]
    apart_s = abs(row["now"] - time.time())
    if apart_s > _CLOCK_APART_S:
        fix = "let NTP set both clocks: signed links and retries go by them"
        found.append(warning("clock", f"the database's clock and this machine's are {apart_s:.0f} s apart", fix))
    return found


async def _schema(settings: Settings) -> list[Finding]:
    made = await _ask(settings.database_direct_url, "select to_regclass('alembic_version') is not null as yes")
    version = await _ask(settings.database_direct_url, _VERSION) if made["yes"] else {"version": ""}
    if version["version"] != newest_revision():
        return [broken("schema", "it is not this program's", "run `ments migrate`")]
    if (await _ask(settings.database_direct_url, "select to_regclass('seed_taken_away') is not null as yes"))["yes"]:
        fix = "wait until `ments seed` ends; if none runs, run it again, it puts them back first"
        return [warning("schema", "`ments seed` took indexes away and has not put all of them back", fix)]
    return [ok("schema", "it is the newest")]


async def _replicas(settings: Settings) -> list[Finding]:
    if not settings.database_replica_urls:
        return [ok("replica", "there is none: the primary is read")]
    try:
        primary = await _ask(settings.database_url, "select (pg_current_wal_lsn() - '0/0')::bigint as position")
    except (psycopg.Error, OSError):
        # That is said of the database; whether they answer can be said all the same.
        primary = {"position": 0}
    return [
        await _replica(settings, f"replica {number}", url, primary["position"])
        for number, url in enumerate(settings.database_replica_urls, start=1)
    ]


async def _replica(settings: Settings, part: str, url: str, wrote: int) -> Finding:
    """How one replica is; whatever is wrong with it, the primary serves. `wrote`: how far the primary was a moment ago."""
    fix = f"the primary serves meanwhile: check DATABASE_REPLICA_URLS and the replica's log ({_START})"
    deadline = time.monotonic() + _LAG_MAX_S
    while True:
        try:
            async with asyncio.timeout(_CONNECT_S):
                row = await _ask(url, _HOW_IS_REPLICA)
        except (psycopg.Error, OSError, TimeoutError) as error:
            return warning(part, f"does not answer ({_words(error, settings)})", fix)
        if not row["follows"]:
            return warning(part, "it is no replica", "let DATABASE_REPLICA_URLS lead to replicas, or leave it empty")
        if row["replayed"] >= wrote:
            return ok(part, "it follows")
        if time.monotonic() > deadline:
            behind = f"it has not caught up for {_LAG_MAX_S:g} s ({(wrote - row['replayed']) / 1024**2:.1f} MiB behind)"
            return warning(part, f"{behind}, so nobody reads it", fix)
        await asyncio.sleep(0.2)


async def _valkey(settings: Settings) -> list[Finding]:
    client = Redis.from_url(settings.redis_url, socket_connect_timeout=_CONNECT_S, socket_timeout=_CONNECT_S)
    async with client:
        key = f"ments:doctor:{uuid4()}"
        await client.set(key, b"1", ex=10)
        await client.delete(key)
        memory, server, disk = [await client.info(section) for section in ("memory", "server", "persistence")]
    found = [ok("valkey", f"{server.get('server_name', 'redis')} {server['redis_version']} takes writes")]
    if memory["maxmemory_policy"] != "noeviction":
        detail = f"it may drop jobs that wait (maxmemory-policy {memory['maxmemory_policy']})"
        found.append(broken("valkey memory", detail, "set maxmemory-policy noeviction"))
    elif memory["maxmemory"] and memory["used_memory"] > _MEMORY_SHARE * memory["maxmemory"]:
        used = memory["used_memory"] / memory["maxmemory"]
        fix = "raise maxmemory, or look at `ments jobs stats` for what piles up"
        found.append(warning("valkey memory", f"{used:.0%} of it is used: caches are no longer filled", fix))
    if not disk["aof_enabled"]:
        fix = "set appendonly yes; until then the relay sends what waits once more, within half a minute"
        found.append(warning("valkey disk", "a restart forgets what waits (no append-only file)", fix))
    return found


async def _storage(settings: Settings) -> list[Finding]:
    bucket, key, words = Bucket(settings), f"system/doctor/{uuid4()}", b"ments doctor"
    await bucket.put_bytes(key, words, "text/plain")
    try:
        if await bucket.read_bytes(key) != words:
            return [broken("storage", "it does not give back what it was given", _FIXES["storage"])]
        async with httpx2.AsyncClient(timeout=_CONNECT_S) as visitor:
            unsigned = await visitor.get(f"{settings.s3_endpoint_url.rstrip('/')}/{settings.s3_bucket}/{key}")
    finally:
        await bucket.delete(key)
    if unsigned.status_code == 200:
        fix = "make the bucket private: only signed requests may read it, the edge signs its own"
        return [broken("storage", f"anyone may read the bucket {settings.s3_bucket}", fix)]
    return [ok("storage", f"a signed write and read of the bucket {settings.s3_bucket}; unsigned it is closed")]


async def _edge(settings: Settings) -> list[Finding]:
    async with httpx2.AsyncClient(timeout=_CONNECT_S, follow_redirects=False) as visitor:
        answer = await visitor.get(f"{settings.public_url}/api/ready")
        metrics = await visitor.get(f"{settings.public_url}/metrics")
    found = []
    if answer.status_code == 200:
        found.append(ok("edge", f"{settings.public_url} leads to an API whose parts all answer"))
    else:
        detail = f"{settings.public_url}/api/ready answers {answer.status_code}: {answer.text[:200]}"
        found.append(broken("edge", detail, _FIXES["edge"]))
    if metrics.status_code == 200:
        found.append(broken("metrics", "anyone may read /metrics through the edge", "let the edge refuse /metrics"))
    if urlsplit(settings.public_url).scheme != "https" and urlsplit(settings.public_url).hostname not in _LOOPBACK:
        fix = "put TLS before the edge and set PUBLIC_URL to its https:// address: passwords and cookies go over it"
        found.append(warning("https", f"{settings.public_url} is not encrypted", fix))
    return found


async def _jobs(settings: Settings) -> list[Finding]:
    async with await _connect(settings.database_url) as connection:
        seen = await read_overview(Session(connection))
    slots = slots_by_queue(seen.workers)
    missing = [queue for queue in QUEUES if queue not in slots]
    found = []
    if missing:
        detail = f"nobody works on {', '.join(missing)}: what is asked for waits"
        found.append(broken("workers", detail, "start `ments worker` (with --queues for some of them)"))
    else:
        found.append(ok("workers", ", ".join(f"{queue}: {total} at once" for queue, (_, total) in slots.items())))
    if seen.unsent_oldest_s > _SENT_WITHIN_S:
        detail = f"{seen.unsent} jobs are accepted and not sent, the oldest for {seen.unsent_oldest_s:.0f} s"
        found.append(broken("relay", detail, "start `ments relay`, and see that Valkey answers"))
    dead = sum(queue.dead for queue in seen.queues)
    if dead:
        found.append(
            warning("dead letters", f"{dead} jobs died", "`ments jobs dead` says why, `ments jobs retry` tries again")
        )
    return found


async def _sandbox(settings: Settings) -> list[Finding]:
    if await sandbox_of(settings).is_jailed():
        return [ok("sandbox", "members' files are opened in a jail: no network, one folder, limits")]
    detail = "MEMBERS' FILES ARE OPENED WITHOUT A JAIL on this machine, under limits only, with the worker's own rights"
    return [warning("sandbox", detail, _FIXES["sandbox"])]


async def _ffmpeg(settings: Settings) -> list[Finding]:
    process = await asyncio.create_subprocess_exec(
        *(ffmpeg_of(settings), "-hide_banner", "-encoders"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    missing = [name for name in _ENCODERS if name not in said.decode().split()]
    if missing:
        return [broken("ffmpeg", f"it has no encoder {', '.join(missing)}", _FIXES["ffmpeg"])]
    return [ok("ffmpeg", f"it encodes {', '.join(_ENCODERS)}")]


async def _home(settings: Settings) -> list[Finding]:
    if not settings.home.exists():
        return [ok("home", f"{settings.home} is not there: all parts are elsewhere")]
    found = []
    free = shutil.disk_usage(settings.home).free
    if free < _DISK_FREE_BYTES:
        detail = f"{free / 1024**2:.0f} MiB are free on the disk of {settings.home}"
        found.append(warning("disk", detail, "make room: uploads and transcodes stop before it is full"))
    else:
        found.append(ok("disk", f"{free / 1024**3:.0f} GiB are free"))
    for name in ("secrets.env", "run/env"):
        file = settings.home / name
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            found.append(broken("secrets", f"others on this machine may read {file}", f"chmod 600 {file}"))
    return found


_LOOPBACK = ("127.0.0.1", "localhost", "::1")
CHECKS: dict[str, Check] = {
    "database": _database,
    "schema": _schema,
    "replica": _replicas,
    "valkey": _valkey,
    "storage": _storage,
    "edge": _edge,
    "jobs": _jobs,
    "sandbox": _sandbox,
    "ffmpeg": _ffmpeg,
    "home": _home,
}
_FIXES = {
    "database": f"check that Postgres and the pooler run, and DATABASE_URL ({_START})",
    "schema": "check DATABASE_DIRECT_URL, which goes past the pooler; then run `ments migrate`",
    "replica": f"check DATABASE_REPLICA_URLS; meanwhile the primary serves ({_START})",
    "valkey": f"check that Valkey runs, and REDIS_URL ({_START})",
    "storage": f"check S3_ENDPOINT_URL, S3_BUCKET and the AWS_ keys ({_START})",
    "edge": f"check that the edge and the API run, and PUBLIC_URL ({_START})",
    "jobs": "check the database first",
    "sandbox": "install bubblewrap and allow user namespaces, or name it in MENTS_BWRAP_BIN",
    "ffmpeg": "install the pinned packages again, or name an ffmpeg with these encoders in MENTS_FFMPEG_BIN",
    "home": "check MENTS_HOME",
}
