"""Which errors are reported, and what a report holds."""

from __future__ import annotations

import pytest

from ments.errors import Conflict, MentsError, Permanent, TooMany, Unavailable
from ments.observe.reports import _before_send, is_reportable
from ments.observe.trace import current_trace_id, trace_from


class _WithStatus(Exception):
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        (ValueError("x"), True),
        (MentsError("x"), True),
        (Unavailable("x"), True),
        (Permanent("x"), True),
        (Conflict("x"), False),
        (TooMany("x", retry_after_s=1), False),
        (_WithStatus(404), False),
        (_WithStatus(500), True),
        (KeyboardInterrupt(), False),
    ],
)
def test_answers_below_500_are_not_reported(error: BaseException, reported: bool) -> None:
    assert is_reportable(error) is reported


def test_a_report_has_the_trace_and_no_secrets() -> None:
    event = {
        "request": {"cookies": "hunter2", "data": "hunter2"},
        "user": {"email": "hunter2"},
        "contexts": {"trace": {"trace_id": "its own"}, "ments": {"path": "/x"}},
        "exception": {
            "values": [
                {
                    "type": "ValueError",
                    "value": "redis://:hunter2@h/0",
                    "stacktrace": {"frames": [{"function": "f", "vars": {"password": "hunter2"}}]},
                }
            ]
        },
    }
    with trace_from(None, "x"):
        sent = _before_send(event, {})  # type: ignore[arg-type]
        assert sent is not None
        assert sent["contexts"]["trace"]["trace_id"] == current_trace_id() == sent["tags"]["trace_id"]
    assert "hunter2" not in str(sent)
    assert sent["contexts"]["ments"] == {"path": "/x"}
