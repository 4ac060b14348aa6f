"""Declare tasks where the feature lives: `@task` on a coroutine function, `@periodic` for what is due by the clock."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

from ments.jobs.model import QUEUES, JobContext, JobsError, PeriodicTask, Rank, TaskDefinition

P = TypeVar("P")
E = TypeVar("E")
# A colon or a name of digits only is accepted by the queue and breaks other tools.
_NAME = re.compile(r"^[a-z][a-z0-9_-]*$")


def task(
    *,
    queue: str,
    name: str,
    attempts: int = 3,
    backoff_s: float = 2.0,
    timeout_s: float = 60.0,
    rank: Rank = Rank.FIRST,
    account_of: Callable[[Any], UUID | None] | None = None,
) -> Callable[[Callable[[P, JobContext, E], Awaitable[Any]]], TaskDefinition]:
    """Make `async def f(parts, job, event: SomeEvent)` a task.

    The event's type is read from the annotation: a dataclass that is importable when the module is.
    `Permanent` ends a job at once; `Retryable` and anything else is tried again until `attempts` are used up; a part
    that is away only puts it off. A task may run more than once: what it writes must be written by `job.commit(tx)`,
    or so that a second run changes nothing. What it returns (JSON values, small) is shown in the queue.
    timeout_s, rank and account_of are those of TaskDefinition.

    Raises JobsError when the declaration cannot work.
    """

    def define(function: Callable[[P, JobContext, E], Awaitable[Any]]) -> TaskDefinition:
        where = f"Task {name!r} ({function.__module__}.{function.__qualname__})"
        if queue not in QUEUES:
            raise JobsError(f"{where}: there is no queue {queue!r}, only {', '.join(QUEUES)}.")
        if not _NAME.match(name):
            raise JobsError(f"{where}: a name is lower case letters, digits, _ and -, and starts with a letter.")
        if attempts < 1 or backoff_s < 0 or timeout_s <= 0:
            raise JobsError(f"{where}: attempts start at 1, backoff_s at 0, and timeout_s is more than that.")
        return TaskDefinition(
            queue, name, attempts, backoff_s, _event_type(function, where), function, timeout_s, rank, account_of
        )

    return define


def periodic(
    *, every_s: float, name: str | None = None, timeout_s: float = 60.0
) -> Callable[[Callable[[P], Awaitable[None]]], PeriodicTask]:
    """Make `async def f(parts)` work that the relay runs every `every_s` seconds, once for the whole deployment."""

    def define(function: Callable[[P], Awaitable[None]]) -> PeriodicTask:
        return PeriodicTask(name or f"{function.__module__}.{function.__qualname__}", every_s, timeout_s, function)

    return define


def _event_type(function: Callable[..., Any], where: str) -> type[Any]:
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) != 3 or not inspect.iscoroutinefunction(function):
        raise JobsError(f"{where}: a task is `async def f(parts, job, event)`.")
    annotation = parameters[2].annotation
    if isinstance(annotation, str):
        # Only this one: the other two may be names that exist for the type checker alone.
        holder = type("_Holder", (), {"__annotations__": {"event": annotation}})
        try:
            annotation = typing.get_type_hints(holder, globalns=vars(inspect.getmodule(function)))["event"]
        except NameError as error:
            raise JobsError(f"{where}: the type of its event cannot be found ({error}).") from error
    if not isinstance(annotation, type) or annotation is inspect.Parameter.empty:
        raise JobsError(f"{where}: its event has no type.")
    return annotation
