"""Jobs that a foreign producer put into the queue, such as a Node `bullmq` one: they get a row in the ledger."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg
from bullmq import Job

from ments.jobs.ledger import Ledger
from ments.jobs.model import MAX_PAYLOAD_BYTES, JobsError, TaskDefinition

_OURS = re.compile(r"^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-([1-9][0-9]{0,8}))?$")
_ATTEMPTS_MOST = 25
_BACKOFF_MOST_S = 3600.0
_SHOWN_CHARACTERS = 1_000
_NAME_CHARACTERS = 200


class PayloadTooLarge(JobsError):
    """A foreign job carries more than a job may."""

    code = "payload_too_large"


def read_entry_id(entry_id: str) -> tuple[UUID, int] | None:
    """Take `{job id}-{generation}` apart; None for an id that is not of our making.

    An id without generation was enqueued by a process from before the ledger, during its deploy: the first.
    """
    found = _OURS.match(entry_id)
    return (UUID(found[1]), int(found[2] or 1)) if found else None


def derive_id(queue: str, entry_id: str, timestamp_ms: int) -> UUID:
    """The ledger's id of a foreign entry: the same each time it is met, another for an id that is used again."""
    return uuid5(NAMESPACE_URL, f"ments:{queue}:{entry_id}:{timestamp_ms}")


async def adopt(
    ledger: Ledger, queue: str, job: Job, definition: TaskDefinition | None, traceparent: str | None
) -> tuple[UUID, int, JobsError | None]:
    """Make a row for an entry that has none.

    Returns the job's id, its generation, and what is wrong with its payload, when something is.
    Raises psycopg.Error.
    """
    job_id = derive_id(queue, str(job.id), job.timestamp)
    payload, wrong = _payload(job.data)
    columns: dict[str, Any] = {
        "queue": queue,
        "task": str(job.name).replace("\0", "\N{REPLACEMENT CHARACTER}")[:_NAME_CHARACTERS],
        "outside_id": str(job.id).replace("\0", "\N{REPLACEMENT CHARACTER}")[:_SHOWN_CHARACTERS],
        "attempts": _attempts(job, definition),
        "backoff_s": _backoff_s(job, definition),
        "traceparent": traceparent,
    }
    try:
        await ledger.adopt(job_id, payload=payload, **columns)
    except psycopg.DataError:
        # JSON that Postgres does not hold: NUL characters, NaN, half of a surrogate pair.
        wrong = wrong or JobsError(
            "The payload holds characters or numbers that JSON does not allow.", code="unfit_payload"
        )
        await ledger.adopt(job_id, payload=_excerpt(payload), **columns)
    return job_id, 1, wrong


def _payload(data: Any) -> tuple[str, JobsError | None]:
    text = json.dumps(data)
    if len(text) > MAX_PAYLOAD_BYTES:
        wrong = PayloadTooLarge(f"The payload takes {len(text)} bytes; a job has {MAX_PAYLOAD_BYTES} at most.")
        return _excerpt(text), wrong
    return text, None


def _excerpt(text: str) -> str:
    return json.dumps({"excerpt": ascii(text[:_SHOWN_CHARACTERS]), "bytes": len(text)})


def _attempts(job: Job, definition: TaskDefinition | None) -> int:
    asked = job.opts.get("attempts")
    if isinstance(asked, int) and asked > 0:
        return min(asked, _ATTEMPTS_MOST)
    return definition.attempts if definition else 1


def _backoff_s(job: Job, definition: TaskDefinition | None) -> float:
    asked = job.opts.get("backoff")
    delay_ms = asked.get("delay") if isinstance(asked, dict) else asked
    if isinstance(delay_ms, int | float) and delay_ms > 0:
        return min(delay_ms / 1000, _BACKOFF_MOST_S)
    return definition.backoff_s if definition else 2.0
