"""What operators say about trending: a post is pinned, taken off, or left to its score again. One transaction each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import structlog

from ments.accounts.model import Viewer
from ments.db import Session
from ments.errors import Conflict, Invalid, NotFound
from ments.feeds.trending_read import CACHE_KEYS
from ments.feeds.trending_rules import OverrideKind
from ments.feeds.trending_store import queries
from ments.parts import Parts
from ments.posts.text import clean_text

log = structlog.get_logger()

PINNED_MOST = 10
"""More pins than that and nothing else would be on the first page."""

REASON_MAX = 200
"""Longest reason, in code points."""

Act = Literal["pinned", "removed", "cleared"]


@dataclass(frozen=True, slots=True)
class TrendingOverridden:
    """Operators said something about a post. An event."""

    post_id: UUID
    act: str


@dataclass(frozen=True, slots=True)
class OverrideLine:
    """One line of the log: who did what, when, and why."""

    id: int
    post_id: UUID
    act: str
    operator_name: str
    reason: str
    at: datetime


class NotToTrend(NotFound):
    """There is no such post, or not everybody may see it, or it is a reply."""

    code = "post_not_found"


class PinsFull(Conflict):
    """As many posts are pinned as may be."""

    code = "pins_full"


class ReasonTooLong(Invalid):
    """A reason is a sentence."""

    code = "reason_too_long"


async def override_trending(parts: Parts, operator: Viewer, post_id: UUID, act: Act, reason: str = "") -> None:
    """Pin a post, take it off, or clear either; again: only the log grows. A removed post is off the list at once.

    Raises NotToTrend, PinsFull, ReasonTooLong.
    """
    reason = clean_text(reason.strip())
    if len(reason) > REASON_MAX:
        raise ReasonTooLong(f"A reason has at most {REASON_MAX} characters.")
    async with parts.primary.transaction() as tx:
        # After the list that is being made, if one is: the next one has it.
        await queries.hold_trending(tx.connection)
        if act == "cleared":
            await queries.clear_override(tx.connection, post_id=post_id)
        else:
            if act == "pinned" and await queries.lock_post(tx.connection, id=post_id) is None:
                raise NotToTrend("There is no post of this id that everybody may see.")
            if act == "removed" and not await queries.is_post(tx.connection, id=post_id):
                raise NotToTrend("There is no post of this id.")
            await queries.set_override(tx.connection, post_id=post_id, kind=OverrideKind(act).value)
            if await queries.count_pinned(tx.connection) > PINNED_MOST:
                raise PinsFull(f"{PINNED_MOST} posts are pinned. Clear one first.")
        await queries.log_override(
            tx.connection,
            post_id=post_id,
            act=act,
            operator_id=operator.id,
            operator_name=operator.username,
            reason=reason,
        )
        await parts.outbox.emit(tx, TrendingOverridden(post_id, act))
    log.info("trending_overridden", post_id=str(post_id), act=act, operator=operator.username)
    await parts.pages.purge(*CACHE_KEYS)


async def list_override_log(session: Session, *, before: int | None = None, n: int = 50) -> list[OverrideLine]:
    """What operators did, newest first, before a line."""
    rows = queries.list_override_log(session.connection, before=before or 2**62, n=n)
    return [OverrideLine(**row) async for row in rows]
