"""Jobs: tasks, the outbox that accepts them, the relay and the workers.

A feature declares tasks (`task`, `periodic`) and emits events (`Outbox.emit`); `app.py` binds the two (`Bindings`).
"""

from ments.jobs.bindings import Bindings
from ments.jobs.model import JobContext, JobDied, JobsError, LeaseLost, PeriodicTask, QueuedJob, Rank, TaskDefinition
from ments.jobs.outbox import Outbox
from ments.jobs.queue import JobQueues
from ments.jobs.task import periodic, task

__all__ = [
    "Bindings",
    "JobContext",
    "JobDied",
    "JobQueues",
    "JobsError",
    "LeaseLost",
    "Outbox",
    "PeriodicTask",
    "QueuedJob",
    "Rank",
    "TaskDefinition",
    "periodic",
    "task",
]
