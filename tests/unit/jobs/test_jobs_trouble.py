"""What an error means for a job."""

from __future__ import annotations

import errno

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as ConnectionLost

from ments.errors import Away, Permanent, Retryable
from ments.jobs import JobsError
from ments.jobs.trouble import Verdict, judge, postpone_delay_s, retry_delay_s, stack_of, words_of


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (Permanent("This file is no video."), Verdict.DEAD),
        (JobsError("There is no such task."), Verdict.DEAD),
        (Retryable("Try again."), Verdict.RETRY),
        (ValueError("a mistake"), Verdict.RETRY),
        (OSError(errno.ENOENT, "No such file"), Verdict.RETRY),
        (Away("Storage is away."), Verdict.POSTPONE),
        (OSError(errno.ENOSPC, "No space left on device"), Verdict.POSTPONE),
        (MemoryError(), Verdict.POSTPONE),
        (psycopg.OperationalError("server closed the connection"), Verdict.POSTPONE),
        # What a COMMIT that meets a dying Postgres behind PgBouncer raises now and then.
        (psycopg.InternalError("received 2 results from command 'COMMIT'"), Verdict.POSTPONE),
        (psycopg.errors.IdleInTransactionSessionTimeout("terminating connection"), Verdict.POSTPONE),
        (psycopg.errors.InFailedSqlTransaction("current transaction is aborted"), Verdict.RETRY),
        (psycopg.errors.QueryCanceled("canceling statement due to statement timeout"), Verdict.RETRY),
        (psycopg.errors.DeadlockDetected("deadlock detected"), Verdict.RETRY),
        (ConnectionLost("Connection refused."), Verdict.POSTPONE),
        (_caused(Retryable("The work folder is full."), OSError(errno.ENOSPC, "No space left")), Verdict.POSTPONE),
        # The file's own fault, whatever was underneath.
        (_caused(Permanent("No video."), OSError(errno.ENOSPC, "No space left")), Verdict.DEAD),
    ],
)
def test_an_error_is_the_jobs_or_that_of_the_parts(error: Exception, verdict: Verdict) -> None:
    assert judge(error) is verdict


def test_a_circle_of_causes_ends() -> None:
    one, other = RuntimeError("one"), RuntimeError("other")
    one.__cause__, other.__cause__ = other, one
    assert judge(one) is Verdict.RETRY


@given(st.floats(0.01, 60), st.integers(1, 10))
def test_retries_are_never_early_and_a_quarter_late_at_most(backoff_s: float, failures: int) -> None:
    base = backoff_s * 2 ** (failures - 1)
    assert base <= retry_delay_s(backoff_s, failures) <= base * 1.25


@given(st.integers(0, 10_000))
def test_a_job_is_put_off_for_seconds(postponed: int) -> None:
    assert 2.0 <= postpone_delay_s(postponed) <= 37.5


@given(st.text())
def test_words_and_stacks_are_what_postgres_can_hold(text: str) -> None:
    error = RuntimeError(text + "\0" + "\ud800")
    for shown in (words_of(error), stack_of(error)):
        assert "\0" not in shown
        shown.encode()
