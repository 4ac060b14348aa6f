"""How far media are, told between processes through Valkey. Only for the eye: the row is the truth."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import msgspec
import structlog
from redis.exceptions import RedisError

from ments.cache import Valkey
from ments.media.film import PLAYABLE_AT, STORED_AT
from ments.media.model import MediaStatus

log = structlog.get_logger()
_KEPT_S = 3600


@dataclass(frozen=True, slots=True)
class Live:
    """The newest state that a worker has told, and how far it is (0 to 1)."""

    status: MediaStatus
    progress: float


async def tell_live(valkey: Valkey, media_id: UUID, live: Live) -> None:
    """Tell whoever watches. Never fails: those who watch also look at the row."""
    try:
        await valkey.client.set(_key(media_id), msgspec.json.encode(live), ex=_KEPT_S)
    except (RedisError, OSError) as error:
        log.warning("live_not_told", media_id=str(media_id), error=repr(error))


async def find_live(valkey: Valkey, media_id: UUID) -> Live | None:
    """What was told last; None when nothing was, or Valkey does not answer."""
    try:
        told = await valkey.client.get(_key(media_id))
    except (RedisError, OSError) as error:
        log.warning("live_not_known", media_id=str(media_id), error=repr(error))
        return None
    try:
        return msgspec.json.decode(told, type=Live) if told else None
    except msgspec.DecodeError:
        return None  # written by another version


async def tell_piece(valkey: Valkey, media_id: UUID, name: str, share: float) -> None:
    """Tell how much of all that is left of a film one of its pieces has done (0 to 1), and so how far the film is.

    Never fails, and never tells less than before.
    """
    try:
        told = await valkey.client.eval(_TELL_PIECE, 1, _pieces_key(media_id), name, repr(share), str(_KEPT_S))
    except (RedisError, OSError) as error:
        log.warning("live_not_told", media_id=str(media_id), error=repr(error))
        return
    progress = PLAYABLE_AT + (STORED_AT - PLAYABLE_AT) * min(1.0, float(told))
    live = await find_live(valkey, media_id)
    if live is None or (live.status is MediaStatus.PLAYABLE and live.progress < progress):
        await tell_live(valkey, media_id, Live(MediaStatus.PLAYABLE, progress))


async def find_told_pieces(valkey: Valkey, media_id: UUID) -> dict[str, float]:
    """{piece: share of all that it has done}; empty when nothing was told, or Valkey does not answer."""
    try:
        told = await valkey.client.hgetall(_pieces_key(media_id))
    except (RedisError, OSError) as error:
        log.warning("live_not_known", media_id=str(media_id), error=repr(error))
        return {}
    return {name.decode() if isinstance(name, bytes) else name: float(share) for name, share in told.items()}


# The sum of what all pieces have done; one that is done again counts what it had done before.
_TELL_PIECE = """
local had = tonumber(redis.call('hget', KEYS[1], ARGV[1]) or '0')
if tonumber(ARGV[2]) > had then redis.call('hset', KEYS[1], ARGV[1], ARGV[2]) end
redis.call('expire', KEYS[1], ARGV[3])
local sum = 0
for _, share in ipairs(redis.call('hvals', KEYS[1])) do sum = sum + tonumber(share) end
return tostring(sum)
"""


def _pieces_key(media_id: UUID) -> str:
    return f"media:pieces:{media_id}"


def _key(media_id: UUID) -> str:
    return f"media:live:{media_id}"
