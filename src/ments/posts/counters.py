"""Counters without hot rows: what is added to a count is a line of its own, and lines are folded into the rows later.

A row that everybody updates is a queue: each waits until the one before has committed. Lines wait for nobody. A count
is its row's plus its lines', at any moment exactly (`hydrate_posts` adds both); once folded the row has it all.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from ments.db import Primary, Transaction, load_queries, write_array
from ments.posts.model import Visibility

queries: Any = load_queries(__file__, "counters.sql")

_LINES_AT_ONCE = 5_000
# A run ends after this many batches, and goes on a second later: it must not outlive its period by much.
_BATCHES_AT_ONCE = 20
_OF_POSTS = ("like", "repost", "reply")


async def add_replies(tx: Transaction, parent_id: UUID | None, visibility: Visibility, n: int) -> None:
    """Count n replies of this visibility more (or less, below 0); those narrower than their parent don't count."""
    if parent_id is not None:
        await queries.add_reply_line(tx.connection, parent_id=parent_id, visibility=visibility.value, n=n)


async def fold_counts(primary: Primary, *, at_once: int = _LINES_AT_ONCE, batches: int = _BATCHES_AT_ONCE) -> int:
    """Fold lines into the rows that they count for, until there are none or `batches` are done; returns how many.

    Lines go in the transaction that adds them up, so a crash loses none and doubles none; several may fold at once.
    """
    folded = 0
    for _ in range(batches):
        async with primary.transaction() as tx:
            n = await _fold_batch(tx, at_once)
        folded += n
        if n < at_once:
            break
    return folded


async def _fold_batch(tx: Transaction, n: int) -> int:
    rows = [row async for row in queries.take_lines(tx.connection, n=n)]
    posts: defaultdict[UUID, dict[str, int]] = defaultdict(dict)
    voters: dict[UUID, int] = {}
    options: dict[UUID, int] = {}
    for row in rows:
        match row["kind"]:
            case "voter":
                voters[row["post_id"]] = row["amount"]
            case "vote":
                options[row["option_id"]] = row["amount"]
            case kind:
                posts[row["post_id"]][kind] = row["amount"]
    # Rows are locked in one order by all folders: posts, polls, options, each by id.
    connection = tx.connection
    if posts:
        ids = write_array(posts)
        likes, reposts, replies = (write_array(sums.get(kind, 0) for sums in posts.values()) for kind in _OF_POSTS)
        await queries.lock_posts(connection, ids=ids)
        await queries.fold_into_posts(connection, ids=ids, likes=likes, reposts=reposts, replies=replies)
    if voters:
        ids = write_array(voters)
        await queries.lock_polls(connection, post_ids=ids)
        await queries.fold_into_polls(connection, post_ids=ids, voters=write_array(voters.values()))
    if options:
        ids = write_array(options)
        await queries.lock_options(connection, ids=ids)
        await queries.fold_into_options(connection, ids=ids, votes=write_array(options.values()))
    return sum(row["lines"] for row in rows)
