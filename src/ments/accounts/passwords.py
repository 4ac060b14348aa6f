"""Argon2id, in a few threads, so that a rush of sign-ins neither blocks the loop nor takes all memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ments.errors import Unavailable

Result = TypeVar("Result")

# OWASP's second choice (19 MiB, 2 passes, 1 lane): about 20 ms of one core.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_THREADS = 2
# Past this many waiting, a try would take seconds: better to say so at once.
_WAITING_MAX = 64
_POOL: Final = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")
# Verified when there is no such account, so that the answer takes as long as for one that exists.
_NOBODYS_HASH: Final = _HASHER.hash("nobody has this password")


class _Waiting:
    count = 0


async def hash_password(password: str) -> str:
    """Hash a new password; the text holds salt and parameters. Raises Unavailable when too many wait."""
    return await _run(lambda: _HASHER.hash(password))


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Compare a password with a hash; without one it takes as long and is False."""
    matches = await _run(lambda: _matches(password_hash or _NOBODYS_HASH, password))
    return matches and password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Say whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


async def _run(work: Callable[[], Result]) -> Result:
    if _Waiting.count >= _WAITING_MAX:
        raise Unavailable("Many people are signing in right now. Try again in a moment.", headers={"Retry-After": "2"})
    _Waiting.count += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_POOL, work)
    finally:
        _Waiting.count -= 1
