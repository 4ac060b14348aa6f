"""What a running task may write for its job."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from bullmq import Job

from ments.db import Transaction
from ments.jobs.ledger import Ledger, commit_run

log = structlog.get_logger()


class RunLease:
    """One run's right to write; `committed` once the task has ended the job in a transaction of its own."""

    def __init__(self, ledger: Ledger, job: Job, job_id: UUID, lease: int) -> None:
        self._ledger = ledger
        self._job = job
        self._id = job_id
        self._lease = lease
        self.committed = False

    async def commit(self, tx: Transaction) -> None:
        """Mark the job done in `tx`. Raises LeaseLost."""
        await commit_run(tx, self._id, self._lease)

        async def committed() -> None:
            self.committed = True

        tx.after_commit(committed)

    async def finish_step(self, name: str, result: Any) -> None:
        """Keep the result of a step for a later run. Raises LeaseLost."""
        await self._ledger.finish_step(self._id, self._lease, name, result)

    async def report(self, fraction: float) -> None:
        """Show progress in the queue; only for the eye, so a failure is no more than a line in the log."""
        try:
            await self._job.updateProgress(round(fraction, 4))
        except Exception as error:
            log.warning("progress_not_shown", error=str(error))
