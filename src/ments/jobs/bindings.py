"""Which tasks an event starts. `app.py` says it, in one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ments.jobs.model import JobsError, TaskDefinition


class Bindings:
    """Events to tasks, and tasks by queue and name."""

    def __init__(
        self,
        tasks_by_event: Mapping[type[Any], Sequence[TaskDefinition]],
        others: Iterable[TaskDefinition] = (),
        broken: Mapping[str, str] | None = None,
    ) -> None:
        """tasks_by_event  an event may start none (an empty sequence), one or several tasks
        others          tasks that only producers outside start
        broken          {room: why} whose tasks could not be loaded; their jobs become dead letters that say so

        Raises JobsError when a task takes another type than its event, or two tasks share a queue and a name.
        """
        self._broken = dict(broken or {})
        self._by_event = {event_type: tuple(tasks) for event_type, tasks in tasks_by_event.items()}
        self._by_name: dict[tuple[str, str], TaskDefinition] = {}
        for event_type, tasks in self._by_event.items():
            for bound in tasks:
                if bound.event_type is not event_type:
                    raise JobsError(
                        f"Task {bound.name!r} takes {bound.event_type.__name__}, but is bound to {event_type.__name__}."
                    )
                self._add(bound)
        for other in others:
            self._add(other)

    def _add(self, added: TaskDefinition) -> None:
        present = self._by_name.setdefault((added.queue, added.name), added)
        if present is not added:
            raise JobsError(f"Two tasks are named {added.name!r} on the queue {added.queue!r}.")

    def list_tasks(self, event_type: type[Any]) -> tuple[TaskDefinition, ...]:
        """Return the tasks of an event. Raises JobsError when nobody bound it."""
        try:
            return self._by_event[event_type]
        except KeyError:
            raise JobsError(f"No task is bound to {event_type.__name__}; bind it in app.py.") from None

    def has(self, event_type: type[Any]) -> bool:
        """Whether some task is bound to this event."""
        return bool(self._by_event.get(event_type))

    def unknown(self, queue: str, name: str) -> JobsError:
        """Say why there is no task of this name."""
        broken = "; ".join(f"{room} could not be loaded: {why}" for room, why in self._broken.items())
        because = f" ({broken})" if broken else ""
        return JobsError(
            f"There is no task {name[:100]!r} on the queue {queue!r} in this version{because}.", code="unknown_task"
        )

    def find_task(self, queue: str, name: str) -> TaskDefinition | None:
        """Return the task of this name on this queue."""
        return self._by_name.get((queue, name))
