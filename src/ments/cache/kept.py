"""What a process keeps for one account at a time, for as long as it hears when that account changes.

Kept in the process alone, bounded in number and bytes, and only while the subscription is up: what was begun before an
account was dropped, or before something may have been missed, is not kept.
"""

from __future__ import annotations

import random
import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from ments.cache.heard import HEARD_WITHIN_S, Heard

V = TypeVar("V")

_TOPIC = "accounts"
_DROPS_REMEMBERED = 20_000


async def tell_changed(heard: Heard, account_id: UUID) -> None:
    """Have every process drop what it keeps of an account. Call it after the commit of what changed."""
    await heard.tell(_TOPIC, account_id.bytes, again=True)


@dataclass(frozen=True, slots=True)
class Begun:
    """A moment at which somebody began to make what may be kept: seconds (monotonic), and which drops came before."""

    at: float
    drops: int


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    account_id: UUID
    until: float
    size: int


class Kept(Generic[V]):
    """Values by key, each of one account's."""

    def __init__(
        self, heard: Heard, *, keep_s: float, entries_max: int, bytes_max: int, keep_less: float = 0.0
    ) -> None:
        """Keep nothing yet.

        keep_s     counts from when a value was begun to be made
        bytes_max  of the sizes that `put` is told
        keep_less  up to this share of keep_s a value ends sooner, by chance: what many asked for at one moment is not over at
                   one moment, when all would be made anew and each wait for all
        """
        self._heard, self._keep_s, self._keep_less = heard, keep_s, keep_less
        self._entries_max, self._bytes_max = entries_max, bytes_max
        # In the order of their ends, or nearly: what was begun earlier may have been put later.
        self._entries: dict[Hashable, _Entry[V]] = {}
        self._bytes = 0
        self._by_account: dict[UUID, set[Hashable]] = {}
        self._drops = 0
        # Which drop was the last of an account, and when. Before `_forgotten` it is not known any more, so all counts as dropped.
        self._last_drops: dict[UUID, tuple[int, float]] = {}
        self._forgotten = (0, 0.0)
        self._stops = (heard.listen(_TOPIC, self._hear), heard.on_loss(self.drop_all))

    def close(self) -> None:
        """Forget everything, and hear nothing more."""
        for stop in self._stops:
            stop()
        self.drop_all()

    @property
    def is_on(self) -> bool:
        """Whether anything is kept at all now."""
        return self._heard.is_live

    def find(self, key: Hashable) -> V | None:
        """The value under a key, unless it is over."""
        entry = self._entries.get(key)
        if entry is None or not self._heard.is_live or entry.until <= time.monotonic():
            return None
        return entry.value

    def begin(self) -> Begun:
        """Say that something begins to be made; before anything is read for it."""
        return Begun(time.monotonic(), self._drops)

    def was_dropped_since(self, begun: Begun, account_id: UUID | None) -> bool:
        """Whether an account (None: any of all) was dropped since; then what was begun may be of before."""
        if begun.drops == self._drops:
            return False
        if account_id is None or begun.drops < self._forgotten[0]:
            return True
        return self._last_drops.get(account_id, self._forgotten)[0] > begun.drops

    def put(self, begun: Begun, key: Hashable, account_id: UUID, value: V, size: int) -> float | None:
        """Keep a value, unless it is over already, too large, or its account was dropped meanwhile.

        Returns until when it is kept (seconds, monotonic), None if it is not.
        """
        now = time.monotonic()
        sooner = self._keep_less * random.random()  # noqa: S311 (nobody gains by guessing it)
        until = begun.at + self._keep_s * (1 - sooner)
        if not self._heard.is_live or until <= now or size > self._bytes_max // 16:
            return None
        if begun.at <= self._heard.live_since:
            # What was told while nothing was heard is not among the drops.
            return None
        if self.was_dropped_since(begun, account_id):
            return None
        self._put(now, key, _Entry(value, account_id, until, size))
        return until

    def adopt(self, at: float, until: float, key: Hashable, account_id: UUID, value: V, size: int) -> bool:
        """Keep what another process began at a moment and keeps until another (monotonic), as `put` does; says whether.

        Refused is what was begun before all had heard of the last drop of the account that is known here, of what may have been
        missed before this process heard, or of what it could not tell at once.
        """
        now = time.monotonic()
        if not self._heard.is_live or until <= now or size > self._bytes_max // 16:
            return False
        last = max(
            self._last_drops.get(account_id, self._forgotten)[1], self._heard.live_since, self._heard.told_late_at
        )
        if self._heard.has_untold or at <= last + HEARD_WITHIN_S:
            return False
        self._put(now, key, _Entry(value, account_id, until, size))
        return True

    def drop(self, account_id: UUID) -> None:
        """Forget all that is kept of an account, here, and what is being made for it."""
        self._drops += 1
        if len(self._last_drops) >= _DROPS_REMEMBERED:
            self._forget_drops()
        self._last_drops[account_id] = self._drops, time.monotonic()
        for key in tuple(self._by_account.get(account_id, ())):
            self._take_out(key)

    def drop_all(self) -> None:
        """Forget everything, here, and what is being made."""
        self._drops += 1
        self._forget_drops()
        self._entries.clear()
        self._by_account.clear()
        self._bytes = 0

    def _hear(self, text: bytes) -> None:
        if len(text) == 16:
            self.drop(UUID(bytes=text))

    def _forget_drops(self) -> None:
        self._last_drops.clear()
        self._forgotten = self._drops, time.monotonic()

    def _put(self, now: float, key: Hashable, entry: _Entry[V]) -> None:
        self._take_out(key)
        self._make_room(now, entry.size)
        self._entries[key] = entry
        self._by_account.setdefault(entry.account_id, set()).add(key)
        self._bytes += entry.size

    def _make_room(self, now: float, size: int) -> None:
        while self._entries:
            oldest = next(iter(self._entries))
            full = len(self._entries) >= self._entries_max or self._bytes + size > self._bytes_max
            if not full and self._entries[oldest].until > now:
                return
            self._take_out(oldest)

    def _take_out(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._bytes -= entry.size
        keys = self._by_account[entry.account_id]
        keys.discard(key)
        if not keys:
            del self._by_account[entry.account_id]
