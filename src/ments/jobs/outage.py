"""A time of trouble: one line in the log when it begins, however often something is tried, and one when it is over."""

from __future__ import annotations

import structlog

from ments.observe import report_error

log = structlog.get_logger()


class Outage:
    """What one loop of a process tells of the parts that it needs."""

    def __init__(self, what: str) -> None:
        """what  names the loop in `{what}_failing` and `{what}_recovered`"""
        self._what = what
        self.is_on = False

    def begin(self, error: Exception) -> None:
        """Something failed."""
        if not self.is_on:
            log.warning(f"{self._what}_failing", error=str(error) or type(error).__name__)
            report_error(error, part=self._what)
        self.is_on = True

    def end(self) -> None:
        """It went well."""
        if self.is_on:
            log.info(f"{self._what}_recovered")
        self.is_on = False
