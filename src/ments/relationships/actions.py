"""Follow, block and mute, and take each back: sets, not toggles, so that twice is once. One transaction each.

Locks are taken in one order everywhere (what the account adds, then the pair), so no two writers wait in a ring.
"""

from __future__ import annotations

from typing import Any

from ments.accounts.model import Viewer
from ments.db import Transaction
from ments.parts import Parts
from ments.relationships import rules, store
from ments.relationships.model import (
    Blocked,
    Followed,
    Muted,
    Standing,
    TieKind,
    Unblocked,
    Unfollowed,
    Unmuted,
)

_BEGUN: dict[TieKind, Any] = {TieKind.FOLLOW: Followed, TieKind.BLOCK: Blocked, TieKind.MUTE: Muted}
_ENDED: dict[TieKind, Any] = {TieKind.FOLLOW: Unfollowed, TieKind.BLOCK: Unblocked, TieKind.MUTE: Unmuted}
_FOLDED_AT_ONCE = 5_000
_FOLDS_A_RUN = 50


async def set_tie(parts: Parts, member: Viewer, kind: TieKind, username: str, *, wanted: bool) -> Standing:
    """Follow, block or mute an account, or take it back (`wanted` False); again: nothing happens.

    A block ends the follows between the two, in the same transaction.
    Raises AccountNotFound (also where one of the two blocked the other, unless it is about the member's own block),
    NotYourself, TiesFull.
    """
    async with parts.primary.transaction() as tx:
        other_id = await store.find_account_id(tx, username)
        if other_id is None:
            raise rules.no_account()
        rules.check_other(kind, member.id, other_id)
        await store.lock_ties(tx, member.id, other_id, adds=wanted)
        rules.check_reach(kind, await store.find_ties(tx, member.id, other_id))
        if wanted and await store.add_tie(tx, kind, member.id, other_id):
            rules.check_room(kind, await store.count_ties(tx, kind, member.id))
            if kind is TieKind.BLOCK:
                for follower_id, followee_id in await store.end_follows_between(tx, member.id, other_id):
                    await parts.outbox.emit(tx, Unfollowed(follower_id, followee_id))
            await parts.outbox.emit(tx, _BEGUN[kind](member.id, other_id))
        elif not wanted and await store.remove_tie(tx, kind, member.id, other_id):
            await parts.outbox.emit(tx, _ENDED[kind](member.id, other_id))
        return await _standing(tx, member, username)


async def _standing(tx: Transaction, member: Viewer, username: str) -> Standing:
    found = await store.find_profile(tx, username, member.id)
    if found is None:
        raise rules.no_account()
    profile = found.profile
    return Standing(profile.id, profile.username, profile.followers, profile.following, rules.ties_view(found.ties))


async def fold_counters(parts: Parts) -> int:
    """Add what waits in lines to the counters, a batch a transaction; returns how many lines that were."""
    folded = 0
    for _ in range(_FOLDS_A_RUN):
        async with parts.primary.transaction() as tx:
            n = await store.fold_lines(tx, _FOLDED_AT_ONCE)
        folded += n
        if n < _FOLDED_AT_ONCE:
            break
    return folded
