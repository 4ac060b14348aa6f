"""Turns: who comes next in a queue whose jobs take long, so that no account and no kind of work waits for ever.

A job's turn is a number that it gets when it is accepted and keeps; the queue runs the smallest first, and the same
numbers in the order of arrival. This is start-time fair queueing, counted in rounds: in each round every account that
waits has one job run.

served  the round now being served: the greatest round of all jobs that have begun. A job's round is its turn less
        its rank. It is kept in `job_turns` by a trigger, so that whatever begins a run moves it on
turn    1 + the greater of: served + rank, and the account's last turn among its unfinished work of this rank

What follows from that, for a job with k of its own account and rank ahead of it:
- It starts after at most k + 1 rounds of the accounts that wait with work of its rank, however much each of them
  has queued: of another account's hundred jobs those that stand further back have greater turns.
- Nobody gains by sending one at a time: a round is served once, so the next job of the same account is of a later one.
- FIRST outranks LATER, since a newcomer's turn is the next one (served + 1), and LATER work that is accepted now
  stands 64 rounds behind it, BACKGROUND 512.
- Nothing starves: LATER work is passed by 64 rounds of newer FIRST work, plus one for each of its own ahead. Both
  kinds count the same rounds, so when the one has long been served alone the other neither finds itself far ahead
  (and shuts it out) nor far behind: a newcomer's first rendition goes before all ladder work that waits, however
  great the turns of that have become.

A job that is to run again after a failure or an outage stands in line anew, behind its account's others: else all
that an account had begun while storage was away would come back ahead of everybody. One that its worker handed back,
or lost, keeps its turn.

The numbers are rows, so an emptied queue gets the same order back. They start at 1 again once nothing waits
(`restart_turns`). The queue knows no number above TURN_MAX: past that all get TURN_MAX and are served in the order of
arrival, whoever and whatever they are, until nothing waits. That is two million rounds without a free moment.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ments.db import Primary, Transaction, load_queries
from ments.jobs.model import Rank
from ments.jobs.task import periodic

queries = load_queries(__file__, "turns.sql")

QUEUES_WITH_TURNS = frozenset({"media", "ladder"})
"""Light work is served in the order of arrival, and pays nothing for turns."""
TURN_MAX = 2**21
"""BullMQ's greatest priority: its scores are numbers of 53 bits, 32 of which keep the order of arrival."""


async def take_turns(tx: Transaction, queue: str, rank: Rank, account_id: UUID | None, how_many: int = 1) -> list[int]:
    """Take turns for jobs that this transaction goes on to insert, all of one account and rank.

    account_id  whose they are; those of nobody count as one account's
    Returns as many, ascending; all 0 for a queue without turns.
    The account is held until the transaction ends: take for several accounts in the order of their ids.
    """
    if queue not in QUEUES_WITH_TURNS:
        return [0] * how_many
    # Two statements: the second sees what was committed while the first waited.
    await queries.hold_turns(tx.connection, queue=queue, account=str(account_id or ""))
    found = await queries.get_turns(tx.connection, queue=queue, rank=int(rank), account_id=account_id)
    return plan_turns(found["served"], found["last"], rank, how_many)


async def take_turn_again(tx: Transaction, job_id: UUID) -> int | None:
    """Give a job that is to run again a new turn; None when its queue has none, or it does not wait."""
    line = await queries.find_line(tx.connection, id=job_id)
    if line is None:
        return None
    (turn,) = await take_turns(tx, line["queue"], Rank(line["rank"]), line["account_id"])
    await queries.change_turn(tx.connection, id=job_id, turn=turn)
    return turn


def plan_turns(served: int, last: int, rank: Rank, how_many: int = 1) -> list[int]:
    """Count out the next turns of an account. Pure.

    served  the round now being served, 0 at first
    last    the account's last turn among its unfinished work of this rank; 0: it has none
    """
    first = 1 + max(served + rank, last)
    return [min(TURN_MAX, first + n) for n in range(how_many)]


async def restart_turns(primary: Primary, queue: str) -> bool:
    """Count from 1 again if nothing of the queue waits or runs. Returns whether it was done."""
    async with primary.session() as session:
        return bool(await queries.restart_turns(session.connection, queue=queue))


@periodic(every_s=600, name="restart_turns")
async def restart_all_turns(parts: Any) -> None:
    """Keep the numbers small: each quiet moment is good for it, and one in two million rounds is enough."""
    for queue in sorted(QUEUES_WITH_TURNS):
        await restart_turns(parts.primary, queue)
