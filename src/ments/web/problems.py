"""Errors as answers, in one place: problem+json for programs, a page for people.

What is not ours to show (a traceback, an SQL text, a path) stays in the log under the trace id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec
import psycopg
import redis.exceptions
import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.types import Scope
from psycopg_pool import PoolTimeout, TooManyRequests

from ments.errors import Busy, MentsError, Retryable
from ments.observe import current_trace_id
from ments.web.asked import header
from ments.web.pages import render_error_page

log = structlog.get_logger()
_UNREACHABLE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    TooManyRequests,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)
_MISSING = re.compile(r"missing required field `(\w+)`")
_SAY = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "The request cannot be read."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "This address does not take that method."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("body_too_large", "The request body is larger than 1 MiB."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("unsupported_media_type", "This Content-Type is not taken here."),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is shown: RFC 9457's members, ours beside them, and response headers."""

    status: HTTPStatus
    code: str
    detail: str
    extra: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def document(self, trace_id: str | None) -> dict[str, Any]:
        """Build the problem+json object."""
        document = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "code": self.code,
            "detail": self.detail,
            **self.extra,
        }
        if trace_id:
            document["trace_id"] = trace_id
        return document


def describe(error: Exception) -> Problem:
    """Translate any exception into what may be shown of it. Pure."""
    if isinstance(error, Retryable):
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", error.safe, headers={"Retry-After": "2"})
    if isinstance(error, MentsError):
        return Problem(error.problem_status, error.problem_code, error.safe, error.extra, error.headers)
    if isinstance(error, ValidationException):
        return Problem(HTTPStatus.BAD_REQUEST, "invalid_request", *_fields(error))
    # UnicodeError: bytes that are no UTF-8, or half of a surrogate pair, which JSON can spell and nothing can store.
    if isinstance(error, (SerializationException, msgspec.MsgspecError, RecursionError, UnicodeError)):
        return Problem(HTTPStatus.BAD_REQUEST, "malformed_body", "The body is not well-formed JSON.")
    if isinstance(error, HTTPException):
        return _describe_http(error)
    if isinstance(error, psycopg.DataError):
        return Problem(HTTPStatus.BAD_REQUEST, "invalid_value", "The request holds a value that cannot be stored.")
    if isinstance(error, _UNREACHABLE):
        say = "A part that this needs does not answer right now. Try again in a moment."
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", say, headers={"Retry-After": "2"})
    say = "Something failed on our side. Nothing you sent is at fault; try again, and tell us the trace id if it stays."
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", say)


def _describe_http(error: HTTPException) -> Problem:
    status = HTTPStatus(error.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem(status, "internal", "Something failed on our side. Try again in a moment.")
    cause = error.__cause__
    if status == HTTPStatus.BAD_REQUEST and isinstance(cause, (SerializationException, msgspec.MsgspecError)):
        return describe(cause)
    code, say = _SAY.get(status, (status.phrase.lower().replace(" ", "_"), error.detail or status.phrase))
    return Problem(status, code, say, headers=dict(error.headers or {}))


def _fields(error: ValidationException) -> tuple[str, dict[str, Any]]:
    """Return the sentence and the `errors` member of a request that does not fit the address's parameters."""
    found = error.extra if isinstance(error.extra, list) else []
    errors = [
        _field(str(item.get("key", "")), str(item.get("message", ""))) for item in found if isinstance(item, dict)
    ]
    return "The request lacks something or has a value of the wrong kind.", {"errors": errors} if errors else {}


def _field(key: str, message: str) -> dict[str, str]:
    """Name the field that a decoder's message is about; `data` is the whole body."""
    if missing := _MISSING.search(message):
        return {"field": missing[1], "message": "This is missing."}
    if key == "data":
        return {"field": "", "message": "The request needs a body." if message == "'data'" else message}
    return {"field": key, "message": message}


def wants_page(scope: Scope) -> bool:
    """Say whether an error should be a page: the address is not the API's and the asker did not ask for JSON."""
    path = scope["path"]
    if path.startswith(("/api/", "/schema", "/internal/")) or path == "/api":
        return False
    accept = header(scope, b"accept") or ""
    return "text/html" in accept or "json" not in accept


def render_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer with the error: the only exception handler of the web application."""
    problem = describe(error)
    if isinstance(error, Busy):
        # Meant, and there are as many as there are askers: a line each, without the stack.
        log.info("request_put_off", code=problem.code, path=request.scope["path"])
    elif problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request_failed", code=problem.code, path=request.scope["path"], exc_info=error)
    if HTTPStatus.MULTIPLE_CHOICES <= problem.status < HTTPStatus.BAD_REQUEST:
        return _redirect(request, problem)
    trace_id = current_trace_id()
    if not wants_page(request.scope):
        return Response(
            content=msgspec.json.encode(problem.document(trace_id)),
            status_code=problem.status,
            media_type="application/problem+json",
            headers=problem.headers,
        )
    return _page(request, problem, trace_id)


def _redirect(request: Request[Any, Any, Any], problem: Problem) -> Response[Any]:
    """Send the asker elsewhere; htmx follows a 302 inside its request, so it is told to leave the page instead."""
    if request.headers.get("hx-request") == "true":
        headers = {"HX-Redirect": problem.headers["Location"]}
        return Response(content="", status_code=HTTPStatus.OK, headers=headers, media_type=MediaType.HTML)
    return Response(content="", status_code=problem.status, headers=problem.headers, media_type=MediaType.HTML)


def _page(request: Request[Any, Any, Any], problem: Problem, trace_id: str | None) -> Response[Any]:
    try:
        return render_error_page(request, problem.status, problem.detail, trace_id=trace_id, headers=problem.headers)
    except Exception as error:
        # The page itself may be what is broken (assets not built): then plain text has to do.
        log.error("error_page_failed", exc_info=error)
        text = f"{problem.status} {problem.status.phrase}\n\n{problem.detail}\n"
        return Response(content=text, status_code=problem.status, media_type="text/plain", headers=problem.headers)
