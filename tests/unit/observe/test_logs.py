"""A line of the log: JSON, with its trace, without secrets; the standard library's the same."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from functools import cached_property

import pytest
import structlog

from ments.observe.logs import log_request, start_logging
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


def test_the_line_of_a_request_is_the_one_that_structlog_writes(written: Written) -> None:
    start_logging("json", service="ments-api")
    fields = {"method": "GET", "path": "/m/1.2.hunter2/x", "route": "/m/{x}", "status": 200, "ms": 1.25, "bytes": 3}
    for more in {}, {"job_id": "7", "token": "hunter2"}:
        with trace_from(None, "x"), structlog.contextvars.bound_contextvars(**more):
            structlog.get_logger("ments.access").info("request", **fields)
            log_request(**fields)  # type: ignore[arg-type]  # each is what it is
    lines = [list(line.items()) for line in written.lines]
    assert {line[0][0] for line in lines} == {"timestamp"}
    assert (lines[0][1:], lines[2][1:]) == (lines[1][1:], lines[3][1:])
    assert "hunter2" not in written.text


def test_who_hears_what_is_logged_hears_of_requests(written: Written) -> None:
    start_logging("json", service="ments-api")
    with structlog.testing.capture_logs() as heard:
        log_request(method="GET", path="/", route="/", status=200, ms=1.0, bytes=3)
    assert [line["event"] for line in heard] == ["request"]
    start_logging("console", service="ments-api")
    log_request(method="GET", path="/", route="/", status=200, ms=1.0, bytes=3)
    start_logging("json", service="ments-api", level=logging.WARNING)
    log_request(method="GET", path="/", route="/", status=200, ms=1.0, bytes=3)
    assert written.text.count("request") == 1
    assert not written.text.startswith("{")
