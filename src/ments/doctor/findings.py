"""What the doctor finds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """OK; WARNING: it works, but not as well or as safely as it should; BROKEN: people meet it."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: how it is, in words, and what to do about it ('' when nothing is wrong)."""

    part: str
    state: State
    detail: str
    fix: str = ""


def ok(part: str, detail: str) -> Finding:
    return Finding(part, State.OK, detail)


def warning(part: str, detail: str, fix: str) -> Finding:
    return Finding(part, State.WARNING, detail, fix)


def broken(part: str, detail: str, fix: str) -> Finding:
    return Finding(part, State.BROKEN, detail, fix)


def line_of(finding: Finding) -> str:
    """A line for people; what is not well stands out, with its fix on a line of its own."""
    mark = {State.OK: "ok     ", State.WARNING: "WARNING", State.BROKEN: "BROKEN "}[finding.state]
    line = f"{mark}  {finding.part}: {finding.detail}"
    return f"{line}\n         fix: {finding.fix}" if finding.fix else line
