"""`ments jobs ...` as an operator types it, against a running stack. Each test's dead letters have a task of their own."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import psycopg
import pytest

from running_stack import RunningStack, ments


def bury(stack: RunningStack, task: str, many: int, *, code: str = "permanent") -> list[str]:
    """Write dead letters of a task that no worker knows into the stack's own ledger."""
    with psycopg.connect(stack.env["DATABASE_DIRECT_URL"], autocommit=True) as connection:
        rows = connection.execute(
            """
            insert into jobs (id, queue, task, payload, state, attempts, attempts_max, backoff_s, lease, started_at,
                              finished_at, code, cause, stacks)
            select gen_random_uuid(), 'default', %s, '{"n": 1}', 'dead', 3, 3, 2, 3, now(), now(), %s,
                   'The file stops in the middle', array['Traceback: one', 'Traceback: two']
            from generate_series(1, %s) returning id
            """,
            (task, code, many),
        ).fetchall()
    return [str(row[0]) for row in rows]


@pytest.fixture
def task() -> str:
    return f"fold_{uuid4().hex[:8]}"


def test_dead_letters_are_listed_shown_and_discarded(stack: RunningStack, task: str) -> None:
    home = ("--home", str(stack.home))
    ids = bury(stack, task, 3)
    listed = ments("jobs", "dead", "--task", task, *home)
    assert listed.returncode == 0
    assert listed.stdout.count("permanent: The file stops in the middle") == 3
    found = json.loads(ments("jobs", "dead", "--task", task, "--limit", "2", "--json", *home).stdout)
    assert len(found["jobs"]) == 2
    assert {job["id"] for job in found["jobs"]} <= set(ids)
    by_state = ments("jobs", "list", "--state", "dead", "--task", task, *home)
    assert by_state.stdout.count(task) == 3

    shown = ments("jobs", "show", ids[0], *home).stdout
    assert "cause: The file stops in the middle (permanent)" in shown
    assert "stack trace 2 of 2" in shown
    assert json.loads(ments("jobs", "show", ids[0], "--json", *home).stdout)["payload"] == {"n": 1}

    assert ments("jobs", "discard", ids[0], *home).stdout == "1 discarded\n"
    twice = ments("jobs", "discard", ids[0], ids[1], *home)
    assert (twice.returncode, twice.stdout) == (1, "1 discarded\n")
    assert twice.stderr == "ments: No dead letters: 1 of the 2 named. `ments jobs show ID` says what they are.\n"
    rest = ments("jobs", "discard", "--task", task, "--json", *home)
    assert json.loads(rest.stdout) == {"discarded": 1, "complete": True}
    assert "discarded" in ments("jobs", "list", "--state", "discarded", "--task", task, *home).stdout


def test_a_retried_job_runs_again(stack: RunningStack, task: str) -> None:
    home = ("--home", str(stack.home))
    (job_id,) = bury(stack, task, 1)
    other = bury(stack, f"{task}_other", 1)
    assert ments("jobs", "retry", "--task", task, "--code", "permanent", *home).stdout == "1 retried\n"
    job = {"state": "accepted"}
    for _ in range(30):
        job = json.loads(ments("jobs", "show", job_id, "--json", *home).stdout)
        if job["state"] == "dead":
            break
    # The stack's own worker took it, and found that it has no such task.
    assert (job["state"], job["generation"], job["revived"]) == ("dead", 2, True)
    assert job["code"] == "unknown_task"
    assert json.loads(ments("jobs", "show", *other, "--json", *home).stdout)["generation"] == 1
    for name in (task, f"{task}_other"):
        ments("jobs", "discard", "--task", name, *home)


def test_stats_keep_their_names(stack: RunningStack) -> None:
    home = ("--home", str(stack.home))
    found = json.loads(ments("jobs", "stats", "--json", *home).stdout)
    for queue in ("media", "default"):
        counted = found["queues"][queue]
        assert {"waiting", "active", "delayed", "prioritized", "completed", "failed", "workers", "ledger"} <= set(
            counted
        )
        assert counted["workers"] >= 1
        assert {"waiting", "delayed", "running", "dead", "oldest_s"} <= set(counted["ledger"])
    assert set(found["outbox"]) == {"unsent", "oldest_s"}
    assert any(worker["alive"] for worker in found["workers"])
    table = ments("jobs", "stats", *home).stdout
    assert "alive" in table


def test_the_books_balance(stack: RunningStack) -> None:
    proved = ments("jobs", "prove", "--wait", "40", "--json", "--home", str(stack.home))
    assert proved.returncode == 0, proved.stdout
    assert json.loads(proved.stdout)["balanced"] is True


def test_what_cannot_be_done_is_one_line(stack: RunningStack) -> None:
    home = ("--home", str(stack.home))
    nobody = str(UUID(int=7))
    for words, text in (
        (("jobs", "retry", *home), "Say which dead letters"),
        (("jobs", "discard", *home), "Say which dead letters"),
        (("jobs", "retry", "--all", "--queue", "media", *home), "not both"),
        (("jobs", "show", nobody, *home), "There is no such job"),
        (("jobs", "show", "nonsense", *home), "nonsense"),
        (("jobs", "retry", "nonsense", *home), "nonsense"),
        (("jobs", "list", "--state", "lost", *home), "There is no state lost"),
        (("jobs", "list", "--limit", "0", *home), "--limit"),
    ):
        done = ments(*words)
        assert (done.returncode, done.stdout) == (1, ""), words
        assert done.stderr.count("\n") == 1, done.stderr
        assert text in done.stderr
