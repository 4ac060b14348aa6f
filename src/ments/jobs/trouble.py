"""What an error means for a job: over, tried again, or only put off. And how it is shown to operators."""

from __future__ import annotations

import errno
import random
import traceback
from enum import StrEnum

import psycopg
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as AnswerTimeout

from ments.errors import Away, MentsError, Permanent
from ments.jobs.model import JobsError
from ments.observe import scrub_text

_MESSAGE_CHARACTERS = 2_000
_STACK_CHARACTERS = 8_000
_CAUSES_LOOKED_AT = 8
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
# Errors of one statement: too long, in a ring of waits, in the way of another. The next attempt may go better.
_GIVEN_UP = (
    psycopg.errors.QueryCanceled,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)
_LONGEST_WAIT_S = 30.0
# A transaction that idled too long, since its worker stood still; a primary that has become a replica.
_STATES_OF_SERVER = {"25P03", "25006"}


class Verdict(StrEnum):
    """What becomes of a job whose run failed."""

    DEAD = "dead"
    RETRY = "retry"
    POSTPONE = "postpone"


def judge(error: BaseException) -> Verdict:
    """Tell the job's own failure from that of the parts around it.

    A part that is away, or a machine without room, says nothing about the job: it is put off and keeps its attempts.
    """
    if isinstance(error, Permanent | JobsError):
        return Verdict.DEAD
    looked_at: BaseException | None = error
    for _ in range(_CAUSES_LOOKED_AT):
        if looked_at is None:
            break
        if isinstance(looked_at, Away | MemoryError) or is_database_away(looked_at):
            return Verdict.POSTPONE
        if isinstance(looked_at, ConnectionLost | AnswerTimeout | BusyLoadingError):
            return Verdict.POSTPONE
        if isinstance(looked_at, OSError) and looked_at.errno in _NO_ROOM:
            return Verdict.POSTPONE
        looked_at = looked_at.__cause__ or looked_at.__context__
    return Verdict.RETRY


def is_database_away(error: BaseException) -> bool:
    """Tell a database that is away, or was going away, from one that refuses a statement, or gives it up."""
    if isinstance(error, psycopg.OperationalError):
        return not isinstance(error, _GIVEN_UP)
    # Without a state it is the driver that speaks: the pooler's farewell was one answer too many ("received 2 results").
    return isinstance(error, psycopg.InternalError) and (error.sqlstate is None or error.sqlstate in _STATES_OF_SERVER)


def retry_delay_s(backoff_s: float, failures: int) -> float:
    """The pause after failure number `failures` (from 1): doubled each time, with up to a quarter on top at random."""
    return backoff_s * 2.0 ** (failures - 1) * random.uniform(1.0, 1.25)  # noqa: S311 (spreading, no secret)


def postpone_delay_s(postponed: int) -> float:
    """The pause of a job that was put off `postponed` times before: 2 s at first, 30 s at most, and a quarter at random."""
    return min(_LONGEST_WAIT_S, 2.0 * 1.5 ** min(postponed, 10)) * random.uniform(1.0, 1.25)  # noqa: S311 (spreading, no secret)


def code_of(error: BaseException) -> str:
    """A stable word for programs and filters."""
    return error.problem_code if isinstance(error, MentsError) else type(error).__name__


def words_of(error: BaseException | None) -> str:
    """The cause for people, without secrets."""
    if error is None:
        return ""
    text = error.safe if isinstance(error, MentsError) else f"{type(error).__name__}: {error}"
    return _storable(scrub_text(text))[:_MESSAGE_CHARACTERS]


def stack_of(error: BaseException) -> str:
    """The whole stack, causes included, without secrets; its end when it is very long."""
    return _storable(scrub_text("".join(traceback.format_exception(error))))[-_STACK_CHARACTERS:]


def _storable(text: str) -> str:
    """Postgres holds neither NUL nor half a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
