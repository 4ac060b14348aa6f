"""How often somebody may do something: counted in Valkey, so that every process counts the same.

Without Valkey the counts are each process's own: a limit is then looser, never shut.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import structlog
from redis.exceptions import RedisError

from ments.cache import Valkey
from ments.errors import TooMany

log = structlog.get_logger()

# One step for all callers: counts a use, unless `max` are used up; returns {uses, ms until they are forgotten, taken?}.
# With `renew` each use starts the window anew, as a pause after wrong tries wants it.
_TAKE = """
local used = tonumber(redis.call('get', KEYS[1]) or '0')
local taken = 0
if used < tonumber(ARGV[1]) then
  used = redis.call('incr', KEYS[1])
  if used == 1 or ARGV[3] == '1' then redis.call('pexpire', KEYS[1], ARGV[2]) end
  taken = 1
end
return {used, redis.call('pttl', KEYS[1]), taken}
"""
_GIVE_BACK = """
local used = tonumber(redis.call('get', KEYS[1]) or '0')
if used > 0 then redis.call('decr', KEYS[1]) end
return used
"""
_LOCAL_KEYS_MAX = 50_000
_REST_S = 1.0


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` uses by one subject in `window_s` seconds; `renew`: each use starts the window anew."""

    name: str
    most: int
    window_s: int
    say: str
    renew: bool = False


@dataclass(frozen=True, slots=True)
class Use:
    """What `take` found: uses so far (this one included when it was taken), and when they are forgotten."""

    used: int
    forgotten_in_s: float
    taken: bool


# The contract's floors, with room for a client that works at exactly the floor.
UPLOADS = Limit("uploads", 90, 60, "That is a lot of uploads at once.")
SIGNS = Limit("signs", 1800, 60, "That is a lot of upload parts at once.")
WRITES = Limit("writes", 450, 60, "That is a lot of changes at once.")
# A page tells what was seen every ten seconds or so, several tabs at once.
EVENTS = Limit("events", 90, 60, "That is a lot of events at once.")
REFRESHES = Limit("refreshes", 12, 60, "Your feed was ranked anew just now.")
SIGN_INS = Limit("sign_ins", 45, 60, "Many sign-ins came from this address.")
REGISTRATIONS = Limit("registrations", 60, 60, "Many accounts were made from this address.")
WRITE_LIMITS = {limit.name: limit for limit in (UPLOADS, SIGNS, WRITES, EVENTS, REFRESHES)}


class Local:
    """Counts of this process, for the time without Valkey."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        # Until this moment (monotonic) Valkey is left alone, so that each request doesn't wait for a timeout.
        self.until = 0.0

    def take(self, key: str, limit: Limit) -> Use:
        """Do as `_TAKE` does, in memory."""
        now = time.monotonic()
        if len(self._counts) >= _LOCAL_KEYS_MAX:
            self._counts = {name: entry for name, entry in self._counts.items() if entry[1] > now}
        used, until = self._counts.get(key, (0, 0.0))
        if until <= now:
            used, until = 0, now + limit.window_s
        taken = used < limit.most
        if taken:
            used += 1
            until = now + limit.window_s if limit.renew else until
            self._counts[key] = (used, until)
        return Use(used, until - now, taken)

    def give_back(self, key: str) -> None:
        """Forget one use."""
        used, until = self._counts.get(key, (0, 0.0))
        if used:
            self._counts[key] = (used - 1, until)

    def forget(self, key: str) -> None:
        """Forget every use."""
        self._counts.pop(key, None)


# One for each Valkey: where one is away, the counts of another go on.
_LOCALS: WeakKeyDictionary[Valkey, Local] = WeakKeyDictionary()


def _local(valkey: Valkey) -> Local:
    return _LOCALS.setdefault(valkey, Local())


async def take(valkey: Valkey, limit: Limit, subject: str) -> Use:
    """Count one use by `subject`, unless the limit is reached already."""
    key, local = _key(limit, subject), _local(valkey)
    if time.monotonic() < local.until:
        return local.take(key, limit)
    try:
        used, left_ms, taken = await valkey.client.eval(
            _TAKE, 1, key, limit.most, limit.window_s * 1000, "1" if limit.renew else "0"
        )
    except (RedisError, OSError) as error:
        local.until = time.monotonic() + _REST_S
        log.warning("limits_counted_locally", limit=limit.name, error=repr(error))
        return local.take(key, limit)
    return Use(int(used), max(int(left_ms), 0) / 1000, bool(taken))


async def give_back(valkey: Valkey, limit: Limit, subject: str) -> None:
    """Uncount one use: what it was counted for turned out well."""
    key = _key(limit, subject)
    _local(valkey).give_back(key)
    try:
        await valkey.client.eval(_GIVE_BACK, 1, key)
    except (RedisError, OSError) as error:
        log.warning("limits_counted_locally", limit=limit.name, error=repr(error))


async def forget(valkey: Valkey, limit: Limit, subject: str) -> None:
    """Forget every use by `subject`."""
    key = _key(limit, subject)
    _local(valkey).forget(key)
    try:
        await valkey.client.delete(key)
    except (RedisError, OSError) as error:
        log.warning("limits_counted_locally", limit=limit.name, error=repr(error))


async def spend(valkey: Valkey, limit: Limit, subject: str) -> None:
    """Count one use; raises TooMany, with the seconds to wait, when there is none left."""
    use = await take(valkey, limit, subject)
    if not use.taken:
        wait_s = max(1, math.ceil(use.forgotten_in_s))
        raise TooMany(f"{limit.say} Try again in {wait_s} s.", retry_after_s=wait_s)


def _key(limit: Limit, subject: str) -> str:
    return f"limit:{limit.name}:{subject}"
