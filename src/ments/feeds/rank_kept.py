"""Rankings as they lie in Valkey, for some hours: an order to be served, and beside it what it was made of.

`rk:{account}` is the order that is served, `...:before` the one that it took the place of, so that pages that are being read
go on, `...:why` the inputs of the first. What is damaged is as if it were not there; so is all of it without Valkey.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import overload
from uuid import UUID

import msgspec
import structlog
from redis.exceptions import RedisError

from ments.cache import Valkey
from ments.cache.entry import Entry, pack_entry, unpack_entry
from ments.feeds.rank_model import Ranking

log = structlog.get_logger()

KEPT_S = 6 * 3600
"""A ranking of yesterday shows what was news yesterday: then one is made anew."""

FRESH_S = 600
"""A ranking that is older is served, and the next one asked for."""

_ASKED_S = 30
_ID_BYTES = 16
_INFLATED_MOST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Order:
    """Posts in the order ranked. `is_fresh`: no new ranking need be asked for."""

    id: UUID
    posts: Sequence[UUID]
    is_fresh: bool = True


def new_ranking_id(now: datetime) -> UUID:
    """Make an id that tells when (UUID version 7)."""
    moment = int(now.timestamp() * 1000)
    bits = moment << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=bits)


def made_at(ranking_id: UUID) -> datetime:
    """When a ranking was made, by its id."""
    return datetime.fromtimestamp((ranking_id.int >> 80) / 1000, UTC)


class _Ids(Sequence[UUID]):
    """Ids in a row of bytes, read as they are asked for: a page takes twenty of hundreds."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    def __len__(self) -> int:
        return len(self._packed) // _ID_BYTES

    @overload
    def __getitem__(self, at: int) -> UUID: ...
    @overload
    def __getitem__(self, at: slice) -> list[UUID]: ...
    def __getitem__(self, at: int | slice) -> UUID | list[UUID]:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        place = range(len(self))[at] * _ID_BYTES
        return UUID(bytes=self._packed[place : place + _ID_BYTES])


class _Order(msgspec.Struct, array_like=True, frozen=True):
    id: UUID
    posts: bytes


_decode_order = msgspec.msgpack.Decoder(_Order).decode
_decode_ranking = msgspec.msgpack.Decoder(Ranking).decode


async def keep_ranking(valkey: Valkey, account_id: UUID, ranking: Ranking) -> None:
    """Let a ranking be what the account is served. Raises RedisError, OSError: without Valkey there is none."""
    posts = b"".join(post.post_id.bytes for post in ranking.posts)
    order = msgspec.msgpack.encode(_Order(ranking.id, posts))
    inputs = zlib.compress(msgspec.msgpack.encode(ranking), 1)
    key, ask = _key(account_id), valkey.quick.ask
    before = await ask("GET", key)
    await ask("SET", key, pack_entry(Entry(order, ranking.made_at.timestamp() + FRESH_S)), "EX", KEPT_S)
    if before is not None:
        await ask("SET", f"{key}:before", before, "EX", KEPT_S)
    await ask("SET", f"{key}:why", pack_entry(Entry(inputs, 0.0)), "EX", KEPT_S)
    await ask("DEL", f"{key}:asked")


async def find_order(valkey: Valkey, account_id: UUID, ranking_id: UUID | None = None) -> Order | None:
    """The order that an account is served; with an id that one, also when another has taken its place."""
    for key in (_key(account_id), f"{_key(account_id)}:before"):
        order = _read_order(await _get(valkey, key))
        if ranking_id is None or (order is not None and order.id == ranking_id):
            return order
    return None


def _read_order(raw: bytes | None) -> Order | None:
    entry = unpack_entry(raw) if raw else None
    if entry is None:
        return None
    try:
        order = _decode_order(entry.value)
    except msgspec.MsgspecError:
        return None
    return Order(order.id, _Ids(order.posts), is_fresh=entry.fresh_until > datetime.now(UTC).timestamp())


async def find_ranking(valkey: Valkey, account_id: UUID) -> Ranking | None:
    """What the order that an account is served was made of."""
    raw = await _get(valkey, f"{_key(account_id)}:why")
    entry = unpack_entry(raw) if raw else None
    if entry is None:
        return None
    try:
        return _decode_ranking(zlib.decompressobj().decompress(entry.value, _INFLATED_MOST))
    except (msgspec.MsgspecError, zlib.error):
        return None


async def mark_asked(valkey: Valkey, account_id: UUID) -> bool:
    """Note that a ranking is asked for; False when one was asked for a moment ago, or nothing could be kept."""
    try:
        return await valkey.quick.ask("SET", f"{_key(account_id)}:asked", b"1", "EX", _ASKED_S, "NX") is not None
    except (RedisError, OSError) as error:
        log.warning("ranking_not_asked_for", error=repr(error))
        return False


async def forget_asked(valkey: Valkey, account_id: UUID) -> None:
    """Let the next reader ask again: the ranking that was asked for did not come to be asked for."""
    try:
        await valkey.quick.ask("DEL", f"{_key(account_id)}:asked")
    except (RedisError, OSError) as error:
        # The mark ends by itself.
        log.warning("ranking_not_asked_for", error=repr(error))


async def _get(valkey: Valkey, key: str) -> bytes | None:
    try:
        found: bytes | None = await valkey.quick.ask("GET", key)
    except (RedisError, OSError) as error:
        log.warning("ranking_not_read", error=repr(error))
        return None
    return found


def _key(account_id: UUID) -> str:
    return f"rk:{account_id}"
