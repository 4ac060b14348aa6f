"""A line of the log: JSON, with its trace, without secrets; the standard library's the same."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from functools import cached_property

import pytest
import structlog

from ments.observe.logs import start_logging
from ments.observe.trace import current_trace_id, trace_from


class Written:
    """What went to stdout, read once."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    @cached_property
    def text(self) -> str:
        return self._capture.readouterr().out

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Written(capsys)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_has_its_trace_and_hides_secrets(written: Written) -> None:
    start_logging("json", service="ments-api")
    with trace_from(None, "x"):
        structlog.get_logger().info(
            "signed_in", login="ada", password="hunter2", url="redis://:hunter2@h/0", headers={"cookie": "hunter2"}, n=3
        )
        trace_id = current_trace_id()
    (line,) = written.lines
    assert line["event"] == "signed_in"
    assert (line["level"], line["service"], line["login"], line["n"]) == ("info", "ments-api", "ada", 3)
    assert line["trace_id"] == trace_id
    assert "hunter2" not in written.text


def test_an_exception_is_a_line_without_local_variables(written: Written) -> None:
    start_logging("json", service="ments-api")

    def fail(password: str) -> None:
        raise ValueError(f"postgresql://u:{password}@h/x is away")

    try:
        fail("hunter" + str(3))
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = written.lines
    assert "ValueError" in str(line["exception"])
    assert "hunter3" not in written.text


def test_the_standard_library_writes_the_same(written: Written) -> None:
    start_logging("json", service="ments-worker")
    logging.getLogger("some.library").warning("token=%s went %s", "hunter2", "away")
    logging.getLogger("some.library").debug("not shown")
    logging.getLogger("urllib3.connectionpool").info("not shown")
    (line,) = written.lines
    assert (line["logger"], line["level"], line["service"]) == ("some.library", "warning", "ments-worker")
    assert line["event"] == "token=[hidden] went away"


def test_lines_for_people(written: Written) -> None:
    start_logging("console", service="ments-api")
    structlog.get_logger().info("started", port=8000, secret="hunter2")
    assert "started" in written.text
    assert "port=8000" in written.text
    assert "hunter2" not in written.text


def test_what_json_cannot_hold_is_written_as_text(written: Written) -> None:
    start_logging("json", service="ments-api")
    structlog.get_logger().info("odd", thing=object(), keys={1: {2, 3}}, number=float("nan"))
    (line,) = written.lines
    assert "object at" in str(line["thing"])
