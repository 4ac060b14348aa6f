"""The tasks of each room, joined; a room whose module cannot be imported does not take the others with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from ments.jobs.bindings import Bindings
from ments.jobs.model import JobsError, PeriodicTask, TaskDefinition
from ments.observe import report_error

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RoomTasks:
    """What one room does by jobs.

    events    event type -> the tasks that it causes; an empty tuple when nothing listens
    others    tasks that no event of ours causes
    periodic  work that the relay repeats
    """

    events: Mapping[type[Any], Sequence[TaskDefinition]] = field(default_factory=dict)
    others: Sequence[TaskDefinition] = ()
    periodic: Sequence[PeriodicTask] = ()


@dataclass(frozen=True, slots=True)
class Joined:
    """All rooms' tasks. `broken` says of each room that could not be loaded why: {room: cause}."""

    bindings: Bindings
    periodic: tuple[PeriodicTask, ...]
    broken: Mapping[str, str]

    def refuse_broken(self) -> None:
        """Raise JobsError when a room is missing, as a process must that would accept jobs for it."""
        if self.broken:
            found = "; ".join(f"{room}: {why}" for room, why in self.broken.items())
            raise JobsError(f"Tasks could not be loaded: {found}. Mend the installation; `make check` shows where.")


def join_rooms(rooms: Mapping[str, Callable[[], RoomTasks]]) -> Joined:
    """Load each room's tasks. Of a room that fails, jobs become dead letters that say so, and may be retried later.

    rooms  {name: a function that imports the room's tasks and returns them}
    Raises JobsError when rooms that were loaded do not fit together.
    """
    events: dict[type[Any], tuple[TaskDefinition, ...]] = {}
    others: list[TaskDefinition] = []
    periodic: list[PeriodicTask] = []
    broken: dict[str, str] = {}
    for name, load in rooms.items():
        try:
            room = load()
        except JobsError:
            raise
        except Exception as error:
            broken[name] = f"{type(error).__name__}: {error}"
            log.error("room_not_loaded", room=name, exc_info=error)
            report_error(error, room=name)
            continue
        for event_type, tasks in room.events.items():
            events[event_type] = (*events.get(event_type, ()), *tasks)
        others.extend(room.others)
        periodic.extend(room.periodic)
    return Joined(Bindings(events, others, broken), tuple(periodic), broken)
