"""How far media are, told between processes through Valkey. Only for the eye: the row is the truth."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import msgspec
import structlog
from redis.exceptions import RedisError

from ments.cache import Valkey
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


def _key(media_id: UUID) -> str:
    return f"media:live:{media_id}"
