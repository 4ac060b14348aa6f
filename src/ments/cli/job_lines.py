"""Jobs laid out for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ments.jobs.model import LedgerJob
    from ments.operations.model import DeadLetter, JobView

_CAUSE_MOST = 100


def list_lines(jobs: Sequence[LedgerJob]) -> list[str]:
    """One line a job."""
    if not jobs:
        return ["no jobs"]
    widest = max(len(job.task) for job in jobs)
    return [
        f"{job.id}  {job.queue:8} {job.task:{widest}}  {job.state:9} {_at(job.finished_at or job.started_at or job.accepted_at)}"
        f"  {_tries(job.attempts, job.attempts_max, job.crashes, job.postponed)}"
        for job in jobs
    ]


def dead_lines(jobs: Sequence[DeadLetter]) -> list[str]:
    """Two lines a dead letter: what it is, and why it died."""
    if not jobs:
        return ["no dead letters"]
    lines = []
    for job in jobs:
        tries = _tries(job.attempts, job.attempts_max, job.crashes, job.postponed)
        lines.append(f"{job.id}  {job.queue} {job.task}, died {_at(job.died_at)} after {tries}")
        lines.append(f"    {job.code or 'no code'}: {_one_line(job.cause or 'no cause was written down')}")
    return lines


def job_lines(job: JobView) -> list[str]:
    """Everything, the cause first."""
    lines = [f"{job.queue} {job.task} is {job.state}"]
    if job.cause:
        lines.append(f"{'cause' if job.state == 'dead' else 'last trouble'}: {job.cause} ({job.code})")
    facts: list[tuple[str, object]] = [
        ("id", job.id),
        ("tries", _tries(job.attempts, job.attempts_max, job.crashes, job.postponed)),
        ("retried by an operator", "yes" if job.revived else "no"),
        ("account", job.account or job.account_id),
        ("trace", job.trace_id),
        ("from outside, as", job.outside_id),
        ("accepted", job.accepted_at),
        ("due", job.due_at),
        ("started", job.started_at),
        ("seen alive", job.heartbeat_at if job.state == "running" else None),
        ("deadline", job.deadline_at),
        ("ended", job.finished_at),
        ("worker", job.owner),
        ("entry in the queue", f"{job.id}-{job.generation}"),
        ("runs begun", job.lease),
        ("turn", job.turn or None),
    ]
    for name, value in facts:
        if value is not None:
            lines.append(f"{name + ':':24} {_at(value) if isinstance(value, datetime) else value}")
    lines.append(f"{'payload:':24} {msgspec.json.encode(job.payload).decode()}")
    if job.steps:
        lines.append(f"{'finished steps:':24} {msgspec.json.encode(job.steps).decode()}")
    for number, stack in enumerate(job.stacks, 1):
        lines += ["", f"stack trace {number} of {len(job.stacks)}", *(f"    {line}" for line in stack.splitlines())]
    return lines


def _tries(attempts: int, most: int, crashes: int, postponed: int) -> str:
    said = f"{attempts} of {most} attempts"
    if crashes:
        said += f", {crashes} lost workers"
    if postponed:
        said += f", {postponed} postponements"
    return said


def _at(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S%z}".removesuffix("+0000") + ("Z" if not when.utcoffset() else "")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _CAUSE_MOST else line[:_CAUSE_MOST].rstrip() + "…"
