"""What is shown of each error, and what is not."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import psycopg
import pytest
import redis.exceptions
from litestar.exceptions import (
    InternalServerException,
    MethodNotAllowedException,
    NotFoundException,
    SerializationException,
    ValidationException,
)

from ments.errors import MentsError, NotFound, Retryable, TooMany
from ments.web.problems import describe, wants_page

SECRET = "postgresql://ments:hunter2@10.0.0.1/ments"


def test_our_errors_show_their_own_sentence() -> None:
    shown = describe(NotFound("There is no such post.", code="no_post", extra={"id": 7}))
    assert shown.document("ab") == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "no_post",
        "detail": "There is no such post.",
        "id": 7,
        "trace_id": "ab",
    }


def test_a_limit_says_when_to_come_back() -> None:
    assert describe(TooMany("Slow down.", retry_after_s=3)).headers == {"Retry-After": "3"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFoundException(), 404, "not_found"),
        (MethodNotAllowedException(), 405, "method_not_allowed"),
        (ValidationException("no", extra=[{"key": "a", "message": "b"}]), 400, "invalid_request"),
        (SerializationException("bad"), 400, "malformed_body"),
        (RecursionError(), 400, "malformed_body"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), 400, "malformed_body"),
        (InternalServerException(SECRET), 500, "internal"),
        (psycopg.OperationalError(SECRET), 503, "unavailable"),
        (psycopg.errors.CharacterNotInRepertoire(SECRET), 400, "invalid_value"),
        (redis.exceptions.ConnectionError(SECRET), 503, "unavailable"),
        (Retryable("The storage does not answer."), 503, "unavailable"),
        (MentsError("Broken."), 500, "internal"),
        (RuntimeError(SECRET), 500, "internal"),
        (KeyError(SECRET), 500, "internal"),
    ],
)
def test_every_error_has_a_status_a_code_and_no_secret(error: Exception, status: int, code: str) -> None:
    shown = describe(error)
    assert (shown.status, shown.code) == (HTTPStatus(status), code)
    assert "hunter2" not in str(shown.document(None))


def test_a_missing_field_is_named() -> None:
    raised = ValidationException(extra=[{"key": "data", "message": "Object missing required field `email`"}])
    assert describe(raised).extra["errors"] == [{"field": "email", "message": "This is missing."}]


@pytest.mark.parametrize(
    ("path", "accept", "page"),
    [
        ("/", "text/html,*/*", True),
        ("/create", "*/*", True),
        ("/create", "", True),
        ("/create", "application/json", False),
        ("/create", "text/html,application/json", True),
        ("/api/feed", "text/html", False),
        ("/schema", "text/html", False),
    ],
)
def test_people_get_pages_and_programs_problems(path: str, accept: str, page: bool) -> None:
    scope: Any = {"type": "http", "path": path, "headers": [(b"accept", accept.encode())]}
    assert wants_page(scope) is page
