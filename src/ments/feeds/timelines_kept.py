"""Timelines as they lie in Valkey: the scripts that read, make, push and drop them. What a timeline is: timeline_rules.

Each script is one step for everybody. A timeline that is being made has a mark for its head and no floor yet: it may be
pushed to, and is not read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis.exceptions import ResponseError

from ments.cache import Valkey
from ments.feeds import timeline_rules as rules
from ments.feeds.timeline_rules import HEAD_SCORE, Head, is_mark, read_head, write_head

KEPT_S = 30 * 24 * 3600
"""A timeline that nobody reads for so long ends: then its reader costs nothing."""

HOME_PREFIX = "tl:"

# Reading is no write: the time is set anew once a day.
_RENEW_BELOW_S = KEPT_S - 24 * 3600
# A maker that died leaves its mark for so long; its readers are served from Postgres meanwhile.
_MARK_MS = 10_000
_TRIM = """
local FLOOR = string.rep('\\255', 17)
local function trim(key, kept)
  local over = redis.call('zcard', key) - kept - 2
  if over <= 0 then return end
  local last = redis.call('zrange', key, over + 1, over + 1, 'withscores')
  redis.call('zremrangebyscore', key, 0, last[2])
  redis.call('zadd', key, last[2], FLOOR)
end
"""
# {head, floor, {id, score, ...}} of each key: nothing of one that is not there, the head alone of one that is being made.
_READ = """
local FLOOR = string.rep('\\255', 17)
local found = {}
for i, key in ipairs(KEYS) do
  found[i] = {}
  if redis.call('type', key).ok == 'zset' then
    local head = redis.call('zrange', key, 0, 0)[1]
    local floor = redis.call('zscore', key, FLOOR)
    found[i] = {head}
    if floor then
      if redis.call('ttl', key) < tonumber(ARGV[3]) then redis.call('expire', key, ARGV[4]) end
      found[i] = {head, floor,
        redis.call('zrange', key, ARGV[1], '(' .. floor, 'byscore', 'rev', 'limit', 0, ARGV[2], 'withscores')}
    end
  end
end
return found
"""
# Puts a mark, unless there is one; what was there before ends.
_BEGIN = """
if redis.call('type', KEYS[1]).ok == 'zset' and string.sub(redis.call('zrange', KEYS[1], 0, 0)[1], 1, 5) == 'mark:' then
  return 0
end
redis.call('del', KEYS[1])
redis.call('zadd', KEYS[1], ARGV[2], ARGV[1])
redis.call('pexpire', KEYS[1], ARGV[3])
return 1
"""
# Writes what was found where the mark still is, beside what was pushed meanwhile.
_FINISH = (
    _TRIM
    + """
local key = KEYS[1]
if redis.call('type', key).ok ~= 'zset' or not redis.call('zscore', key, ARGV[1]) then return 0 end
redis.call('zrem', key, ARGV[1])
redis.call('zadd', key, ARGV[3], ARGV[2])
for i = 7, #ARGV, 1000 do redis.call('zadd', key, unpack(ARGV, i, math.min(i + 999, #ARGV))) end
redis.call('zremrangebyscore', key, 0, ARGV[4])
redis.call('zadd', key, ARGV[4], FLOOR)
trim(key, tonumber(ARGV[5]))
redis.call('expire', key, ARGV[6])
return 1
"""
)
# Adds a post to the timelines that are there. What lies below a floor is Postgres' to know.
_PUSH = (
    _TRIM
    + """
local pushed = 0
for _, key in ipairs(KEYS) do
  local size = redis.pcall('zcard', key)
  if type(size) == 'number' and size > 0 then
    local floor = redis.call('zscore', key, FLOOR)
    if not floor or tonumber(ARGV[1]) > tonumber(floor) then
      redis.call('zadd', key, ARGV[1], ARGV[2])
      if floor then trim(key, tonumber(ARGV[3])) end
      pushed = pushed + 1
    end
  end
end
return pushed
"""
)


@dataclass(frozen=True, slots=True)
class Found:
    """One timeline as it was read. Head None: it is being made, or there is none that can be read (`is_making` says which)."""

    head: Head | None
    is_making: bool = False
    floor: int = 0
    pairs: Sequence[bytes] = ()


def home_name(account_id: UUID) -> str:
    """Where those whom an account follows lie, as far as they are pushed."""
    return f"{HOME_PREFIX}{account_id}"


def author_name(account_id: UUID) -> str:
    """Where an account's own posts lie, for its followers to pull."""
    return f"au:{account_id}"


async def read_timelines(valkey: Valkey, names: Sequence[str], from_score: int, count: int) -> list[Found]:
    """Read the newest `count` entries from a score on down of each; one round trip. Raises RedisError, OSError."""
    raw = await _run(valkey, _READ, names, from_score, count, _RENEW_BELOW_S, KEPT_S)
    return [_read_found(parts) for parts in raw]


def _read_found(raw: Sequence[Any]) -> Found:
    if len(raw) < 3:
        return Found(None, is_making=bool(raw) and is_mark(raw[0]))
    return Found(read_head(raw[0]), floor=int(float(raw[1])), pairs=raw[2])


async def begin_timeline(valkey: Valkey, name: str, mark: bytes) -> bool:
    """Be the one who makes a timeline: from here on it is pushed to. False when somebody else is. Raises RedisError, OSError."""
    return bool(await _run(valkey, _BEGIN, [name], mark, HEAD_SCORE, _MARK_MS))


async def finish_timeline(
    valkey: Valkey, name: str, mark: bytes, head: Head, floor: int, entries: Sequence[tuple[int, bytes]]
) -> bool:
    """Write what was found since the mark was put; False when the mark is gone: something changed meanwhile.

    floor    everything above it is among `entries`, or was pushed; entries  (score, id)
    Raises RedisError, OSError.
    """
    pairs = [value for entry in entries for value in entry]
    return bool(
        await _run(
            valkey, _FINISH, [name], mark, write_head(head), HEAD_SCORE, floor, rules.TIMELINE_KEPT, KEPT_S, *pairs
        )
    )


async def push(valkey: Valkey, names: Sequence[str], score: int, post_id: UUID) -> int:
    """Add a post to those of these timelines that are there; returns to how many. Again: nothing. Raises RedisError, OSError."""
    return int(await _run(valkey, _PUSH, names, score, post_id.bytes, rules.TIMELINE_KEPT)) if names else 0


async def drop(valkey: Valkey, names: Sequence[str]) -> None:
    """Let timelines be made anew when they are read next; also those that are being made. Raises RedisError, OSError."""
    if names:
        await valkey.client.unlink(*names)


async def _run(valkey: Valkey, script: str, names: Sequence[str], *values: str | bytes | int) -> Any:
    """Run a script by its digest; Valkey forgets scripts when it starts anew."""
    try:
        return await valkey.quick.ask("EVALSHA", _DIGESTS[script], len(names), *names, *values)
    except ResponseError as error:
        if not str(error).startswith("NOSCRIPT"):
            raise
        return await valkey.quick.ask("EVAL", script, len(names), *names, *values)


_DIGESTS = {
    script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
    for script in (_READ, _BEGIN, _FINISH, _PUSH)
}
