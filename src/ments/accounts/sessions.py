"""Sessions: a row in Postgres is the truth, Valkey answers for it for up to a minute, the process for ten seconds.

A sign-out holds in this process before it is answered, and in the others as soon as they hear of it, within milliseconds; while
a process does not hear, it keeps nothing. A reader that found the row just before it was deleted cannot put it back: sign-out
leaves a mark in the cache, and readers only fill what is empty.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

import msgspec
import structlog
from redis.exceptions import RedisError

from ments.accounts import store
from ments.accounts.model import SessionKind, Viewer
from ments.cache import Valkey
from ments.cache.kept import tell_changed
from ments.db import Transaction
from ments.parts import Parts

log = structlog.get_logger()
SESSION_S = 30 * 24 * 3600
TOKEN_S = 365 * 24 * 3600
# A session slides when this much of it is gone: one write a day at most.
_SLIDE_AFTER_S = 24 * 3600
_CACHED_S = 60
_ENDED = b"ended"
_ENDED_MARK_S = 2 * _CACHED_S
# After a failure Valkey is left alone for a moment, so that each request doesn't wait for a timeout.
_REST_S = 1.0


class _Rest:
    until = 0.0


@dataclass(frozen=True, slots=True)
class Current:
    """A session that is in force, and whether its cookie should be sent anew."""

    viewer: Viewer
    kind: SessionKind
    expires_at: datetime
    was_extended: bool = False


class _Cached(msgspec.Struct, array_like=True):
    viewer: Viewer
    kind: SessionKind
    expires_at: datetime


_decoder = msgspec.json.Decoder(_Cached)
_found_decoder = msgspec.json.Decoder(_Cached | None)


async def open_session(
    tx: Transaction, account_id: UUID, kind: SessionKind = SessionKind.SESSION, label: str = ""
) -> str:
    """Insert a session and return its token, which exists nowhere else."""
    token = secrets.token_urlsafe(32)
    life_s = SESSION_S if kind is SessionKind.SESSION else TOKEN_S
    await store.insert_session(
        tx,
        token_hash=hash_token(token),
        account_id=account_id,
        kind=kind,
        label=label,
        expires_at=datetime.now(UTC) + timedelta(seconds=life_s),
    )
    return token


async def find_current(parts: Parts, token: str) -> Current | None:
    """Return the session that a token stands for, or None when it is unknown or over."""
    token_hash = hash_token(token)
    kept: Current | None = parts.sessions.find(token_hash)
    if kept is None:
        begun = parts.sessions.begin()
        kept = await _find(parts, token_hash)
        if kept is None:
            return None
        parts.sessions.put(begun, token_hash, kept.viewer.id, kept, 1)
    if kept.expires_at <= datetime.now(UTC):
        return None
    if kept.kind is SessionKind.SESSION:
        return await _slide(parts, token_hash, kept)
    return kept


async def _find(parts: Parts, token_hash: bytes) -> Current | None:
    cached = await _read(parts.valkey, token_hash)
    if cached == _ENDED:
        return None
    current = _unpack(cached)
    if current is not None:
        return current
    # The primary: a replica may not have heard of a session that was opened a moment ago.
    found = _found_decoder.decode(await store.find_session(parts, token_hash))
    if found is None:
        return None
    current = Current(found.viewer, found.kind, found.expires_at)
    await _fill(parts.valkey, token_hash, current)
    return current


async def end_session(parts: Parts, token: str) -> None:
    """End a session in every process at once; it need not exist."""
    token_hash = hash_token(token)
    async with parts.primary.transaction() as tx:
        account_id = await store.delete_session(tx, token_hash)
    try:
        await parts.valkey.client.set(_key(token_hash), _ENDED, ex=_ENDED_MARK_S)
    except (RedisError, OSError) as error:
        log.warning("session_cache_not_cleared", error=repr(error))
    if account_id is not None:
        await tell_changed(parts.heard, account_id)


def hash_token(token: str) -> bytes:
    """Return what is stored of a token: 32 bytes. A fast hash will do, the token is random."""
    return hashlib.sha256(token.encode()).digest()


async def _slide(parts: Parts, token_hash: bytes, current: Current) -> Current | None:
    now = datetime.now(UTC)
    if current.expires_at - now > timedelta(seconds=SESSION_S - _SLIDE_AFTER_S):
        return current
    expires_at = now + timedelta(seconds=SESSION_S)
    async with parts.primary.transaction() as tx:
        if not await store.extend_session(tx, token_hash, expires_at):
            return None
    await _forget(parts.valkey, token_hash)
    parts.sessions.drop(current.viewer.id)
    return Current(current.viewer, current.kind, expires_at, was_extended=True)


def _unpack(cached: bytes | None) -> Current | None:
    """Read a cached session; None when there is none, or another version wrote it: both may run side by side."""
    if cached is None:
        return None
    try:
        found = _decoder.decode(cached)
    except msgspec.DecodeError:
        return None
    return Current(found.viewer, found.kind, found.expires_at)


async def _read(valkey: Valkey, token_hash: bytes) -> bytes | None:
    if time.monotonic() < _Rest.until:
        return None
    try:
        value = cast("bytes | None", await valkey.quick.ask("GET", _key(token_hash)))
    except (RedisError, OSError) as error:
        _Rest.until = time.monotonic() + _REST_S
        log.warning("session_cache_unreachable", error=repr(error))
        return None
    return value


async def _fill(valkey: Valkey, token_hash: bytes, current: Current) -> None:
    if time.monotonic() < _Rest.until:
        return
    left_s = int((current.expires_at - datetime.now(UTC)).total_seconds())
    value = msgspec.json.encode(_Cached(current.viewer, current.kind, current.expires_at))
    try:
        await valkey.quick.ask("SET", _key(token_hash), value, "NX", "EX", max(1, min(_CACHED_S, left_s)))
    except (RedisError, OSError) as error:
        log.warning("session_cache_not_filled", error=repr(error))


async def _forget(valkey: Valkey, token_hash: bytes) -> None:
    """Drop a cached session whose row changed, but leave the mark of one that ended."""
    try:
        await valkey.client.eval(
            "if redis.call('get', KEYS[1]) ~= ARGV[1] then redis.call('del', KEYS[1]) end", 1, _key(token_hash), _ENDED
        )
    except (RedisError, OSError) as error:
        log.warning("session_cache_not_cleared", error=repr(error))


def _key(token_hash: bytes) -> str:
    return f"session:{token_hash.hex()}"
