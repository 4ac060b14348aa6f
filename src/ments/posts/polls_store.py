"""The statements that asking and voting are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from ments.db import Session, Transaction, load_queries, write_array
from ments.posts.polls import Poll, PollDraft, PollKind

queries: Any = load_queries(__file__, "polls.sql")


async def insert_poll(tx: Transaction, post_id: UUID, poll: PollDraft) -> None:
    """Write the poll of a post; it was tidied before, so nothing is left out."""
    poll_id = uuid4()
    await queries.insert_poll(
        tx.connection,
        id=poll_id,
        post_id=post_id,
        question=poll.question,
        kind=poll.kind,
        ends_in_s=poll.ends_in_s,
    )
    await queries.insert_options(
        tx.connection, poll_id=poll_id, ids=[uuid4() for _ in poll.options], texts=list(poll.options)
    )


async def find_poll(session: Session, post_id: UUID) -> Poll | None:
    """The poll of a post."""
    row = await queries.find_poll(session.connection, post_id=post_id)
    if row is None:
        return None
    kind = PollKind(row["kind"])
    return Poll(row["id"], row["post_id"], kind, row["question"], tuple(row["option_ids"]))


async def cast_vote(tx: Transaction, poll: Poll, account_id: UUID, option_ids: Sequence[UUID]) -> bool:
    """Count a ballot. False when the account had voted before, or the poll ended meanwhile."""
    cast = await queries.cast_vote(
        tx.connection, poll_id=poll.id, account_id=account_id, option_ids=write_array(option_ids)
    )
    return cast is not None


async def find_vote(session: Session, poll_id: UUID, account_id: UUID) -> tuple[UUID, ...]:
    """What an account voted for; empty when it has not."""
    return tuple(await queries.find_vote(session.connection, poll_id=poll_id, account_id=account_id) or ())


async def blank_poll(tx: Transaction, post_id: UUID) -> None:
    """Take the words of a post's poll away, if it has one."""
    await queries.blank_poll(tx.connection, post_id=post_id)
