"""How many jobs of which queues a worker process runs at once."""

from __future__ import annotations

from collections.abc import Sequence

from ments.jobs.model import JobsError
from ments.settings import Settings


def choose_slots(settings: Settings, queues: Sequence[str]) -> dict[str, int]:
    """{queue: jobs at once} of a worker process that serves these queues. Pure.

    Whoever serves `media` serves `ladder` too, in slots of its own, so that no film is left as it plays first; `ladder`
    alone is for machines that do nothing else.
    Raises JobsError when there is no such queue, or nothing is left to serve.
    """
    slots = {
        "media": settings.media_concurrency,
        "ladder": settings.ladder_concurrency,
        "default": settings.default_concurrency,
    }
    unknown = [queue for queue in queues if queue not in slots]
    if unknown or not queues:
        raise JobsError(f"There is no queue {', '.join(unknown) or '(none given)'}; choose from {', '.join(slots)}.")
    served = {*queues, "ladder"} if "media" in queues else set(queues)
    chosen = {queue: slots[queue] for queue in slots if queue in served and slots[queue] > 0}
    if not chosen:
        raise JobsError(f"This worker has no slots for {', '.join(queues)}: MENTS_LADDER_CONCURRENCY is 0.")
    return chosen
