"""How runs end, in the ledger first and then in the queue: done, handed back, tried again, put off, dead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import psycopg
import structlog
from bullmq import Job, UnrecoverableError
from bullmq.custom_errors import DelayedError
from redis.exceptions import RedisError

from ments.db import Primary
from ments.errors import Permanent
from ments.jobs.ledger import Claimed, Ledger
from ments.jobs.ledger.turns import take_turn_again
from ments.jobs.model import MAX_POSTPONED, JobsError, LeaseLost
from ments.jobs.outbox import Outbox
from ments.jobs.trouble import (
    Verdict,
    code_of,
    is_database_away,
    judge,
    postpone_delay_s,
    retry_delay_s,
    stack_of,
    words_of,
)
from ments.observe import report_error

log = structlog.get_logger()
Result = TypeVar("Result")

# How long the ledger is waited for to write down an end. While it is away nobody can take the job over.
_PATIENCE_S = 600.0
_LEDGER_AGAIN_S = 1.0
_LEDGER_AWAY_S = 2.0
_STACKS_KEPT = 5


class Endings:
    """The ends of one queue's runs."""

    def __init__(self, queue: str, primary: Primary, ledger: Ledger, outbox: Outbox) -> None:
        self._queue = queue
        self._primary = primary
        self._ledger = ledger
        self._outbox = outbox
        self._patience_s = _PATIENCE_S

    def hurry(self) -> None:
        """The worker leaves: wait for the ledger no longer than a moment."""
        self._patience_s = _LEDGER_AGAIN_S

    async def done(self, claimed: Claimed) -> None:
        """The task returned. Raises LeaseLost when another run has begun."""
        if not await self._write(lambda: self._ledger.complete(claimed.id, claimed.lease)):
            raise LeaseLost("Another run has begun.")

    async def handed_back(self, job: Job, token: str, claimed: Claimed) -> NoReturn:
        """The worker leaves: another runs the job at once, and no attempt is used up."""
        log.info("job_handed_back", attempt=claimed.attempts + 1)
        try:
            await self._write(lambda: self._ledger.postpone(claimed.id, claimed.lease, delay_s=0, counted=False))
        except psycopg.Error as error:
            log.warning("hand_back_not_written", error=words_of(error))
        await delay(job, token, 0)

    async def failed(self, job: Job, token: str, claimed: Claimed, error: Exception) -> NoReturn:
        """The task, or what is around it, failed."""
        try:
            verdict = self._judge(claimed, error)
            if verdict is Verdict.POSTPONE:
                await self._postpone(job, token, claimed, error)
            if verdict is Verdict.RETRY:
                await self._retry(job, claimed, error)
            await self._bury(job, claimed, error)
        except psycopg.Error as away:
            # Not written down: the entry comes back, and the run counts as one whose worker fell silent.
            log.warning("end_not_written", error=words_of(away), of=words_of(error))
            await delay(job, token, _LEDGER_AWAY_S)

    async def _bury(self, job: Job, claimed: Claimed, error: Exception) -> NoReturn:
        """Make a dead letter of it. Raises UnrecoverableError, which ends the queue's entry."""
        stack = stack_of(error)
        cause = words_of(error)

        async def write() -> bool:
            async with self._primary.transaction() as tx:
                return await self._outbox.bury(
                    tx,
                    claimed.id,
                    claimed.lease,
                    code=code_of(error),
                    cause=cause,
                    stack=stack,
                    # An unfit payload or a poisonous job was not an attempt of the task.
                    counted=not isinstance(error, JobsError),
                )

        if not await self._write(write):
            raise LeaseLost("Another run has begun.")
        _keep_stack(job, stack)
        self._log_death(error, claimed.attempts + 1)
        raise UnrecoverableError(cause) from error

    def _judge(self, claimed: Claimed, error: Exception) -> Verdict:
        verdict = judge(error)
        if verdict is Verdict.POSTPONE and claimed.postponed >= MAX_POSTPONED:
            return Verdict.DEAD
        if verdict is Verdict.RETRY and claimed.attempts + 1 >= claimed.attempts_max:
            return Verdict.DEAD
        return verdict

    async def _retry(self, job: Job, claimed: Claimed, error: Exception) -> NoReturn:
        failures = claimed.attempts + 1
        delay_s = retry_delay_s(claimed.backoff_s, failures)
        stack, cause = stack_of(error), words_of(error)
        written = await self._write(
            lambda: self._ledger.retry(
                claimed.id, claimed.lease, delay_s=delay_s, code=code_of(error), cause=cause, stack=stack
            )
        )
        if not written:
            raise LeaseLost("Another run has begun.")
        log.warning("job_retried", attempt=failures, error=cause, in_s=round(delay_s, 2), exc_info=error)
        await self._stand_again(job, claimed)
        _keep_stack(job, stack)
        # The queue counts as well, for whoever looks at it; the ledger decides.
        job.opts["attempts"] = job.attemptsMade + 2
        job.opts["backoff"] = {"type": "fixed", "delay": max(1, round(delay_s * 1000))}
        raise RuntimeError(cause) from error

    async def _postpone(self, job: Job, token: str, claimed: Claimed, error: Exception) -> NoReturn:
        delay_s = postpone_delay_s(claimed.postponed)
        cause = words_of(error)
        written = await self._write(
            lambda: self._ledger.postpone(
                claimed.id, claimed.lease, delay_s=delay_s, counted=True, code=code_of(error), cause=cause
            )
        )
        if not written:
            raise LeaseLost("Another run has begun.")
        log.warning("job_postponed", times=claimed.postponed + 1, error=cause, in_s=round(delay_s, 2))
        await self._stand_again(job, claimed)
        await delay(job, token, delay_s)

    async def _stand_again(self, job: Job, claimed: Claimed) -> None:
        """Let a job that comes back stand in line anew, where its queue takes turns."""
        if not job.priority:
            return
        try:
            async with self._primary.transaction() as tx:
                turn = await take_turn_again(tx, claimed.id)
            if turn is not None:
                await job.changePriority({"priority": turn})
        except (psycopg.Error, RedisError) as error:
            # It comes back all the same, only where it stood.
            log.warning("turn_kept", error=words_of(error))

    async def _write(self, write: Callable[[], Awaitable[Result]]) -> Result:
        """Write to the ledger, waiting for it while it is away. Raises psycopg.Error when patience has ended."""
        waited_from = time.monotonic()
        while True:
            try:
                return await write()
            except psycopg.Error as error:
                if not is_database_away(error):
                    raise
                if time.monotonic() - waited_from + _LEDGER_AGAIN_S > self._patience_s:
                    raise
                log.warning("ledger_away", error=words_of(error))
                await asyncio.sleep(_LEDGER_AGAIN_S)

    def _log_death(self, error: Exception, attempt: int) -> None:
        """Log a death; report it, unless it is just a member's bad file."""
        if isinstance(error, Permanent):
            log.warning("job_died", attempt=attempt, error=words_of(error), cause=words_of(error.__cause__))
            return
        log.error("job_died", attempt=attempt, error=words_of(error), exc_info=error)
        report_error(error, queue=self._queue, outcome="dead")


async def delay(job: Job, token: str, delay_s: float) -> NoReturn:
    """Give an entry back to its queue, to come again after a pause. Raises DelayedError, which the library wants."""
    await job.moveToDelayed(round((time.time() + delay_s) * 1000), token)
    raise DelayedError


def _keep_stack(job: Job, stack: str) -> None:
    """The queue keeps stacks too; ours holds no signed URL, the library's would."""
    job.updateStacktrace = lambda: None
    job.stacktrace = [*job.stacktrace, stack][-_STACKS_KEPT:]
