"""Rooms' tasks, joined; one that cannot be imported takes none of the others with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from ments.jobs import JobContext, JobsError, task
from ments.jobs.rooms import RoomTasks, join_rooms
from ments.rooms import ROOMS


@dataclass(frozen=True)
class Rained:
    mm: int


@task(queue="default", name="open_umbrella")
async def open_umbrella(parts: Any, job: JobContext, event: Rained) -> None: ...


@task(queue="default", name="water_less")
async def water_less(parts: Any, job: JobContext, event: Rained) -> None: ...


def _broken() -> RoomTasks:
    raise ImportError("No module named 'libheif'")


def test_two_rooms_may_listen_to_one_event() -> None:
    joined = join_rooms(
        {"street": lambda: RoomTasks({Rained: (open_umbrella,)}), "garden": lambda: RoomTasks({Rained: (water_less,)})}
    )
    assert joined.bindings.list_tasks(Rained) == (open_umbrella, water_less)
    joined.refuse_broken()


def test_a_room_that_cannot_be_imported_leaves_the_others_and_says_so() -> None:
    joined = join_rooms({"media": _broken, "street": lambda: RoomTasks({Rained: (open_umbrella,)})})
    assert joined.bindings.find_task("default", "open_umbrella") is open_umbrella
    error = joined.bindings.unknown("media", "transcode")
    assert error.problem_code == "unknown_task"
    assert "media could not be loaded: ImportError: No module named 'libheif'" in error.safe
    with pytest.raises(JobsError, match="media: ImportError"):
        joined.refuse_broken()


def test_the_rooms_of_the_app_fit_together() -> None:
    joined = join_rooms(ROOMS)
    assert not joined.broken
    assert joined.periodic
