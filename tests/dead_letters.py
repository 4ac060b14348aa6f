"""Dead letters written as the ledger leaves them, many at once, and somebody who decides about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from ments.parts import Parts
from posting import Member, make_member

_INSERT = """
insert into jobs (id, queue, task, payload, state, attempts, attempts_max, backoff_s, crashes, lease, turn, rank, account_id,
                  accepted_at, due_at, started_at, finished_at, code, cause, stacks, traceparent, owner)
select gen_random_uuid(), %(queue)s, %(task)s, jsonb_build_object('note', %(note)s::text, 'n', n), 'dead', 3, 3, 2, 1, 4,
       %(turn)s, 0, %(account_id)s, died - interval '1 minute', died - interval '30 s', died - interval '2 s', died,
       %(code)s, %(cause)s || ' (' || n || ')', array['Traceback: first <of> two', 'Traceback: second of two'],
       '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', 'worker-1'
from generate_series(%(many)s::int, 1, -1) as n, lateral (select clock_timestamp() - make_interval(secs => n) as died) as t
returning id
"""


async def bury(
    parts: Parts,
    many: int = 1,
    *,
    queue: str = "default",
    task: str = "fold",
    code: str = "permanent",
    cause: str = "The file stops in the middle",
    note: str = "written by a member",
    account_id: UUID | None = None,
    turn: int = 0,
) -> list[UUID]:
    """Insert dead letters, a second apart; returns their ids, the newest first."""
    values = {
        "many": many,
        "queue": queue,
        "task": task,
        "code": code,
        "cause": cause,
        "note": note,
        "account_id": account_id,
        "turn": turn,
    }
    async with parts.primary.transaction() as tx:
        rows = await (await tx.connection.execute(_INSERT, values)).fetchall()
    return [row["id"] for row in reversed(rows)]


async def rows_of(parts: Parts, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Read rows."""
    async with parts.primary.session() as session:
        return await (await session.connection.execute(sql, values)).fetchall()


async def count_states(parts: Parts) -> dict[str, int]:
    """Count the ledger's rows by state."""
    return {
        row["state"]: row["n"] for row in await rows_of(parts, "select state, count(*) as n from jobs group by state")
    }


async def make_operator(parts: Parts) -> Member:
    """Make an account that runs the site, signed in."""
    member = await make_member(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update accounts set is_admin = true where id = %s", (member.viewer.id,))
    return Member(replace(member.viewer, is_admin=True), member.token)
