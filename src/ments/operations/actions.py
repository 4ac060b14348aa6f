"""What operators do about dead letters: give them another life, or give them up. Who did it goes to the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID

import structlog

from ments.accounts.model import Viewer
from ments.jobs.ledger.dead import DeadFilter, Outcome, discard, revive
from ments.operations.model import JobNotDead, JobView, Selection
from ments.operations.rules import filter_of
from ments.operations.store import forget_standing, read_job
from ments.parts import Parts

log = structlog.get_logger()

WITHIN_S = 10.0
"""A request ends after this time and says that there is more to do; the edge would cut it off at 30 s."""


async def retry_selected(
    parts: Parts, operator: Viewer | None, selection: Selection, *, within_s: float | None = WITHIN_S
) -> Outcome:
    """Accept the chosen dead letters anew; safe beside others who do the same: each job is taken once.

    operator  None: somebody at the command line
    within_s  None: until all of it is done
    Raises UnclearSelection.
    """

    async def change(which: DeadFilter) -> Outcome:
        sender = parts.outbox.sender
        return await revive(parts.primary, which, selection.ids, within_s=within_s, send=sender.send)

    return await _change(parts, operator, selection, "dead_letters_retried", change)


async def discard_selected(
    parts: Parts, operator: Viewer | None, selection: Selection, *, within_s: float | None = WITHIN_S
) -> Outcome:
    """Give the chosen dead letters up; arguments as `retry_selected` takes them. Raises UnclearSelection."""

    async def change(which: DeadFilter) -> Outcome:
        return await discard(parts.primary, which, selection.ids, within_s=within_s)

    return await _change(parts, operator, selection, "dead_letters_discarded", change)


async def retry_one(parts: Parts, operator: Viewer, job_id: UUID) -> JobView:
    """Accept one dead letter anew. Raises JobNotFound, JobNotDead."""
    outcome = await retry_selected(parts, operator, Selection(ids=(job_id,)))
    return await _changed_one(parts, job_id, outcome, "retried")


async def discard_one(parts: Parts, operator: Viewer, job_id: UUID) -> JobView:
    """Give one dead letter up. Raises JobNotFound, JobNotDead."""
    outcome = await discard_selected(parts, operator, Selection(ids=(job_id,)))
    return await _changed_one(parts, job_id, outcome, "discarded")


async def _change(
    parts: Parts,
    operator: Viewer | None,
    selection: Selection,
    event: str,
    change: Callable[[DeadFilter], Awaitable[Outcome]],
) -> Outcome:
    which = filter_of(selection)
    outcome = await change(which)
    forget_standing(parts)
    log.info(event, operator=str(operator.id) if operator else "command line", **_chosen(which, selection, outcome))
    return outcome


def _chosen(which: DeadFilter, selection: Selection, outcome: Outcome) -> dict[str, Any]:
    chosen = {name: str(value) for name, value in asdict(which).items() if value is not None}
    if selection.ids:
        chosen["ids"] = " ".join(str(job_id) for job_id in selection.ids[:10])
        chosen["named"] = str(len(selection.ids))
    return {"jobs": outcome.changed, "complete": outcome.complete, "chosen": chosen or "all"}


async def _changed_one(parts: Parts, job_id: UUID, outcome: Outcome, verb: str) -> JobView:
    job = await read_job(parts, job_id)
    if not outcome.changed:
        raise JobNotDead(f"This job is {job.state}: only a dead letter can be {verb}.")
    return job
