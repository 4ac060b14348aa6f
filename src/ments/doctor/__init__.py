"""Looks at every part of a deployment as its processes reach it, and says what is wrong and how to mend it."""

from ments.doctor.checks import examine
from ments.doctor.findings import Finding, State, line_of

__all__ = ["Finding", "State", "examine", "line_of"]
