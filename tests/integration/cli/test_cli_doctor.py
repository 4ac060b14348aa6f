"""`ments doctor` asks the real parts, and says what is wrong with each without being kept from the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg

from running_stack import RunningStack, clean_environ, ments

Found = dict[str, dict[str, Any]]

PARTS = {
    *("database", "schema", "replica 1", "valkey", "storage", "edge", "workers", "sandbox", "ffmpeg", "disk"),
}
# A part of a busy machine may not answer within the seconds that the doctor gives it.
TRIES = 3


def examine(stack: RunningStack, is_expected: Callable[[Found], bool] = bool, **changed: str) -> tuple[int, Found]:
    """The exit status, and what was found of each part, of processes with some settings of their own.

    is_expected  of what was found; else all are asked again, three times at most
    """
    for _ in range(TRIES):
        done = ments("doctor", "--json", environ=clean_environ(**stack.env | changed))
        assert done.stderr == ""
        told = json.loads(done.stdout)
        assert told["ok"] == (done.returncode == 0)
        found: Found = {finding["part"]: finding for finding in told["findings"]}
        if is_expected(found):
            break
    return done.returncode, found


def not_well(found: Found) -> set[str]:
    return {part for part, finding in found.items() if finding["state"] != "ok"}


def test_a_stack_that_was_just_started_is_well(stack: RunningStack) -> None:
    status, found = examine(stack, lambda found: not_well(found) <= {"dead letters"})
    assert status == 0, found
    assert set(found) >= PARTS
    assert not_well(found) <= {"dead letters"}, found
    assert "in a jail" in found["sandbox"]["detail"]
    for _ in range(TRIES):
        printed = ments("doctor", "--home", str(stack.home))
        n_well = printed.stdout.count("ok ")
        if printed.returncode == 0 and n_well >= len(PARTS):
            break
    assert printed.returncode == 0
    assert n_well >= len(PARTS)


def test_what_is_away_does_not_hide_the_rest(stack: RunningStack) -> None:
    nowhere = "postgresql://ments:secret@127.0.0.1:1/ments"
    status, found = examine(
        stack,
        lambda found: not_well(found) == {"database", "jobs", "storage", "replica 1"},
        DATABASE_URL=nowhere,
        DATABASE_REPLICA_URLS=stack.env["DATABASE_URL"],
        AWS_SECRET_ACCESS_KEY="wrong",
    )
    assert status == 1
    assert {part for part, finding in found.items() if finding["state"] == "broken"} == {"database", "jobs", "storage"}
    assert "DATABASE_URL" in found["database"]["fix"]
    assert "AWS_" in found["storage"]["fix"]
    assert (found["replica 1"]["state"], found["replica 1"]["detail"]) == ("warning", "it is no replica")
    assert found["valkey"]["state"] == "ok"
    assert "secret" not in json.dumps(found)


def test_a_seed_that_was_cut_off_is_told(stack: RunningStack) -> None:
    with psycopg.connect(stack.env["DATABASE_DIRECT_URL"], autocommit=True) as connection:
        # As it is there for as long as something is taken away; that a cut-off run leaves it is for the tests of seed.
        connection.execute("create table seed_taken_away (relation text)")
        try:
            _, found = examine(stack, lambda found: found["schema"]["state"] == "warning")
        finally:
            connection.execute("drop table seed_taken_away")
    assert found["schema"]["state"] == "warning"
    assert "ments seed" in found["schema"]["fix"]


def test_no_address_that_is_spelt_wrong_tells_its_password(stack: RunningStack) -> None:
    for spelt in ("postgres//ments:tell-nobody@h/db", "postgresql://ments:tell-nobody%zz@127.0.0.1:1/db"):
        status, found = examine(
            stack,
            DATABASE_URL=spelt,
            DATABASE_DIRECT_URL=spelt,
            DATABASE_REPLICA_URLS=f"{spelt},{stack.env['DATABASE_REPLICA_URLS']}",
            REDIS_URL="redis://:tell/nobody@127.0.0.1:1/0",
        )
        assert status == 1
        assert {found[part]["state"] for part in ("database", "schema", "valkey")} == {"broken"}
        told = json.dumps(found)
        assert "tell" not in told
        assert "nobody@" not in told


def test_a_machine_without_namespaces_is_said_so_aloud(stack: RunningStack) -> None:
    status, found = examine(
        stack,
        lambda found: found["edge"]["state"] == "ok",
        MENTS_BWRAP_BIN="/bin/false",
        MENTS_FFMPEG_BIN="/bin/true",
    )
    assert status == 1, "an ffmpeg that encodes nothing is broken, no jail is a warning"
    assert found["sandbox"]["state"] == "warning"
    assert "WITHOUT A JAIL" in found["sandbox"]["detail"]
    assert "MENTS_BWRAP_BIN" in found["sandbox"]["fix"]
    assert found["ffmpeg"]["state"] == "broken"
    assert found["edge"]["state"] == "ok"
