"""Guessing passwords, made slow: a pause for who guesses, without shutting the owner out.

Two counts. One login tried from one address: five wrong tries, then a ten-minute pause. One login tried from
anywhere: twenty wrong tries a minute, from addresses that have not signed in to it in the last month; a crowd of
addresses is slowed by it, and the owner at a known address never notices.
"""

from __future__ import annotations

import hashlib
import math
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
    use = await take(valkey, FROM_ONE_ADDRESS, _pair(login, address))
    if not use.taken:
        raise _paused(use)
    if not await _is_known(valkey, login, address):
        anywhere = await take(valkey, FROM_ANYWHERE, _digest(login))
        if not anywhere.taken:
            await give_back(valkey, FROM_ONE_ADDRESS, _pair(login, address))
            raise _paused(anywhere)
    return Try(FROM_ONE_ADDRESS.most - use.used, _moment(use.forgotten_in_s))


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
