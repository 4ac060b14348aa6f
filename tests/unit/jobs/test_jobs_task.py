"""Declaring tasks, and binding them to events."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.db import Transaction
from ments.jobs import Bindings, JobContext, JobsError, periodic, task
from ments.jobs.model import UnfitPayload


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True)
class Uploaded:
    media_id: UUID
    size: Size
    at: dt.datetime
    note: str | None = None


@dataclass(frozen=True)
class Other:
    x: int


@task(queue="media", name="transcode", attempts=5, backoff_s=1.5)
async def transcode(parts: Any, job: JobContext, event: Uploaded) -> None: ...


@task(queue="default", name="note")
async def note(parts: Any, job: JobContext, event: Uploaded) -> None: ...


class Shown:
    """A lease that keeps the progress it is shown."""

    def __init__(self) -> None:
        self.shown: list[float] = []

    async def commit(self, tx: Transaction) -> None: ...

    async def finish_step(self, name: str, result: Any) -> None: ...

    async def report(self, fraction: float) -> None:
        self.shown.append(fraction)


def test_a_task_keeps_its_declaration() -> None:
    assert (transcode.queue, transcode.name, transcode.attempts, transcode.backoff_s) == ("media", "transcode", 5, 1.5)
    assert transcode.event_type is Uploaded
    assert (note.attempts, note.backoff_s) == (3, 2.0)


async def test_a_task_is_called_like_its_function() -> None:
    seen: list[int] = []

    @task(queue="default", name="x")
    async def function(parts: Any, job: JobContext, event: Other) -> None:
        seen.append(event.x)

    await function(None, JobContext("1", "default", "x", 1, 3, Shown()), Other(7))
    assert seen == [7]


@pytest.mark.parametrize(
    "words",
    [
        {"queue": "nowhere", "name": "x"},
        {"queue": "default", "name": "a:b"},
        {"queue": "default", "name": "123"},
        {"queue": "default", "name": ""},
        {"queue": "default", "name": "x", "attempts": 0},
        {"queue": "default", "name": "x", "backoff_s": -1.0},
    ],
)
def test_a_declaration_that_cannot_work_is_refused(words: dict[str, Any]) -> None:
    async def function(parts: Any, job: JobContext, event: Other) -> None: ...

    with pytest.raises(JobsError):
        task(**words)(function)


def test_a_function_of_another_shape_is_refused() -> None:
    def plain(parts: Any, job: JobContext, event: Other) -> None: ...
    async def short(parts: Any, event: Other) -> None: ...
    async def untyped(parts, job, event): ...  # type: ignore[no-untyped-def]
    async def unknown(parts: Any, job: JobContext, event: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    for function in (plain, short, untyped, unknown):
        with pytest.raises(JobsError):
            task(queue="default", name="x")(function)  # type: ignore[arg-type]


@given(
    st.builds(
        Uploaded,
        media_id=st.uuids(),
        size=st.sampled_from(Size),
        at=st.datetimes(timezones=st.just(dt.UTC)),
        note=st.none() | st.text(max_size=50),
    )
)
def test_an_event_comes_back_from_its_payload(event: Uploaded) -> None:
    assert transcode.decode(msgspec.json.decode(msgspec.json.encode(event))) == event


def test_members_of_other_producers_are_passed_over_and_wrong_ones_named() -> None:
    whole = {"media_id": str(uuid4()), "size": "small", "at": "2030-01-01T00:00:00Z", "opts": {"postId": 1}}
    assert transcode.decode(whole).size is Size.SMALL
    for wrong, named in (({"size": "huge"}, "size"), ({"media_id": 7}, "media_id"), ({"at": None}, "at")):
        with pytest.raises(UnfitPayload, match=named):
            transcode.decode({**whole, **wrong})
    for wrong_whole in (None, [], "x", 7, {}):
        with pytest.raises(UnfitPayload, match="Uploaded"):
            transcode.decode(wrong_whole)


def test_bindings_find_tasks_both_ways() -> None:
    bindings = Bindings({Uploaded: (transcode, note), Other: ()})
    assert bindings.list_tasks(Uploaded) == (transcode, note)
    assert bindings.list_tasks(Other) == ()
    assert bindings.find_task("media", "transcode") is transcode
    assert bindings.find_task("default", "transcode") is None
    with pytest.raises(JobsError, match="str"):
        bindings.list_tasks(str)


def test_bindings_refuse_what_does_not_fit() -> None:
    with pytest.raises(JobsError, match="takes Uploaded"):
        Bindings({Other: (transcode,)})

    @task(queue="media", name="transcode")
    async def same_name(parts: Any, job: JobContext, event: Other) -> None: ...

    with pytest.raises(JobsError, match="Two tasks"):
        Bindings({Uploaded: (transcode,)}, [same_name])


@pytest.mark.parametrize(("attempt", "last"), [(1, False), (2, False), (3, True), (4, True)])
def test_the_last_attempt_is_known(attempt: int, last: bool) -> None:
    assert JobContext("1", "default", "x", attempt, 3, Shown()).last_attempt is last


async def test_progress_stays_between_0_and_1() -> None:
    lease = Shown()
    context = JobContext("1", "default", "x", 1, 3, lease)
    for fraction in (-1.0, 0.25, 7.0):
        await context.report_progress(fraction)
    assert lease.shown == [0.0, 0.25, 1.0]


def test_periodic_work_is_named_after_its_function() -> None:
    @periodic(every_s=30)
    async def sweep(parts: Any) -> None: ...

    assert sweep.every_s == 30
    assert sweep.name.endswith("sweep")
