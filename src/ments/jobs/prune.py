"""Jobs that ended long ago leave the ledger; their numbers stay in the books."""

from __future__ import annotations

import structlog

from ments.db import Primary
from ments.jobs.ledger.mend import prune_jobs, prune_outbox, prune_workers
from ments.jobs.model import JobState

log = structlog.get_logger()

_DAY_S = 24 * 3600.0
KEPT_S: dict[JobState, float] = {
    JobState.DONE: 3 * _DAY_S,
    JobState.DISCARDED: 7 * _DAY_S,
    JobState.DEAD: 90 * _DAY_S,
}
_OUTBOX_KEPT_S = 7 * _DAY_S
_WORKERS_KEPT_S = _DAY_S
_BATCH = 1_000
# Of one kind in one run, which is a minute or so; ten minutes later comes the next.
_BATCHES_MAX = 100


async def prune(primary: Primary, *, batch: int = _BATCH, batches_max: int = _BATCHES_MAX) -> dict[str, int]:
    """Delete what has been kept for long enough, a batch at a time. Returns how many rows of each kind went."""
    gone: dict[str, int] = {}
    for state, keep_s in KEPT_S.items():
        for _ in range(batches_max):
            async with primary.session() as session:
                rows = await prune_jobs(session, state, keep_s=keep_s, batch=batch)
            gone[state] = gone.get(state, 0) + rows
            if rows < batch:
                break
    for _ in range(batches_max):
        async with primary.session() as session:
            rows = await prune_outbox(session, keep_s=_OUTBOX_KEPT_S, batch=batch)
        gone["outbox"] = gone.get("outbox", 0) + rows
        if rows < batch:
            break
    async with primary.session() as session:
        gone["workers"] = await prune_workers(session, silent_s=_WORKERS_KEPT_S)
    if any(gone.values()):
        log.info("jobs_pruned", **{kind: rows for kind, rows in gone.items() if rows})
    return gone
