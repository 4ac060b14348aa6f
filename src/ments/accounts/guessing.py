"""Guessing passwords, made slow: a pause for who guesses, without shutting the owner out.

Two counts. One login tried from one address: five wrong tries, then a ten-minute pause. One login tried from
anywhere: twenty wrong tries a minute, from addresses that have not signed in to it in the last month; a crowd of
addresses is slowed by it, and the owner at a known address never notices.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from redis.exceptions import RedisError

from ments.accounts.model import SignInPaused
from ments.cache import Valkey
from ments.web.limits import Limit, Use, forget, give_back, take

log = structlog.get_logger()
FROM_ONE_ADDRESS = Limit("guesses", 5, 600, "Sign-in is paused.", renew=True)
FROM_ANYWHERE = Limit("guesses_anywhere", 20, 60, "Sign-in is paused.")
_KNOWN_S = 30 * 24 * 3600
_SETTLED_S = 2.0
"""Seconds within which a password has been hashed and its try been uncounted, if it was right."""
_LOOK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Try:
    """A try that was counted before the password was looked at, so that tries at once can't outrun the count."""

    left: int
    paused_until: datetime


async def begin_try(valkey: Valkey, *, login: str, address: str) -> Try:
    """Count a try as wrong until it proves right. Raises SignInPaused when there is none left.

    login    what names the account, the same however it was spelled
    address  `client_address` of the request
    """
    use = await _take_or_wait(valkey, _pair(login, address))
    if not use.taken:
        raise _paused(use)
    if not await _is_known(valkey, login, address):
        anywhere = await take(valkey, FROM_ANYWHERE, _digest(login))
        if not anywhere.taken:
            await give_back(valkey, FROM_ONE_ADDRESS, _pair(login, address))
            raise _paused(anywhere)
    return Try(FROM_ONE_ADDRESS.most - use.used, _moment(use.forgotten_in_s))


async def _take_or_wait(valkey: Valkey, subject: str) -> Use:
    """Count a try from one address, waiting while those before it may still be looked at.

    A member's devices and scripts sign in at once, and right tries must not pause one another. Each try starts the
    window anew, so a window that has just begun is that of a try whose password is being hashed right now.
    """
    patience_ends = time.monotonic() + _SETTLED_S
    while True:
        use = await take(valkey, FROM_ONE_ADDRESS, subject)
        is_settled = use.forgotten_in_s < FROM_ONE_ADDRESS.window_s - _SETTLED_S
        if use.taken or is_settled or time.monotonic() >= patience_ends:
            return use
        await asyncio.sleep(_LOOK_AGAIN_S)


async def end_well(valkey: Valkey, *, login: str, address: str) -> None:
    """Forget the wrong tries from here, and remember the address as one of the owner's."""
    await forget(valkey, FROM_ONE_ADDRESS, _pair(login, address))
    await give_back(valkey, FROM_ANYWHERE, _digest(login))
    try:
        await valkey.client.set(_known_key(login, address), b"1", ex=_KNOWN_S)
    except (RedisError, OSError) as error:
        log.warning("known_address_not_kept", error=repr(error))


async def _is_known(valkey: Valkey, login: str, address: str) -> bool:
    try:
        return bool(await valkey.client.exists(_known_key(login, address)))
    except (RedisError, OSError) as error:
        log.warning("known_address_not_read", error=repr(error))
        return False


def _paused(use: Use) -> SignInPaused:
    return SignInPaused(until=_moment(use.forgotten_in_s), retry_after_s=max(1, math.ceil(use.forgotten_in_s)))


def _moment(in_s: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=in_s)


def _digest(text: str) -> str:
    """Keep addresses and emails out of Valkey's key names."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _pair(login: str, address: str) -> str:
    return _digest(f"{login}\n{address}")


def _known_key(login: str, address: str) -> str:
    return f"known:{_pair(login, address)}"
