"""The statements that reactions are made of, and a reader's layer over a page of cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from ments.db import Session, Transaction, load_queries, write_array
from ments.db.keyset import Place
from ments.posts.model import ViewerView
from ments.posts.polls import PollResults
from ments.posts.reactions import Overlay, Reaction

queries: Any = load_queries(__file__, "reactions.sql")


async def set_reaction(tx: Transaction, reaction: Reaction, account_id: UUID, post_id: UUID, *, wanted: bool) -> int:
    """Do or take back; twice is once. Returns how many accounts do it now, 0 for bookmarks."""
    match reaction:
        case Reaction.LIKE:
            run = queries.like_post if wanted else queries.unlike_post
        case Reaction.REPOST:
            run = queries.repost_post if wanted else queries.unrepost_post
        case Reaction.BOOKMARK:
            run = queries.bookmark_post if wanted else queries.unbookmark_post
    n = await run(tx.connection, account_id=account_id, post_id=post_id)
    return 0 if reaction is Reaction.BOOKMARK else int(n)


async def read_overlays(session: Session, account_id: UUID, ids: Iterable[UUID]) -> dict[UUID, Overlay]:
    """What an account did to each of these posts, in one statement. `session` is the primary's: it was done just now."""
    wanted = write_array(ids)
    if wanted == "{}":
        return {}
    rows = queries.list_overlays(session.connection, account_id=account_id, ids=wanted)
    return {
        row["id"]: Overlay(
            ViewerView(row["liked"], row["reposted"], row["bookmarked"], tuple(row["votes"] or ())),
            _results_of(row),
        )
        async for row in rows
    }


def _results_of(row: Mapping[str, Any]) -> PollResults | None:
    if row["results"] is None:
        return None
    return PollResults(row["voters"], {UUID(option_id): votes for option_id, votes in row["results"].items()})


async def insert_report(tx: Transaction, account_id: UUID, post_id: UUID, reason: str, details: str) -> bool:
    """Write a report for the operators. False when the account reported this post before."""
    made = await queries.insert_report(
        tx.connection, account_id=account_id, post_id=post_id, reason=reason, details=details
    )
    return made is not None


async def list_bookmarks(session: Session, account_id: UUID, before: Place, n: int) -> list[Place]:
    """The posts that an account keeps and may see, the newest n bookmarks before a place; a place is the bookmark's."""
    rows = queries.list_bookmarks(
        session.connection, account_id=account_id, before_at=before.at, before_id=before.id, n=n
    )
    return [Place(row["at"], row["id"]) async for row in rows]
