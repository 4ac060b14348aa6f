"""The errors that a person may see, and the two kinds that a worker knows.

`safe` is the text shown to whoever asked; anything else about the cause belongs in `__cause__`,
which only the log sees.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar


class MentsError(Exception):
    """An error with a text that is safe to show.

    safe     one or two plain sentences: the cause and what to do next
    code     stable, snake_case, for programs; by default the class's own
    status   HTTP status; by default the class's own
    extra    members added to the problem+json document (JSON values only)
    headers  response headers, such as Retry-After
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(
        self,
        safe: str,
        *,
        code: str | None = None,
        status: HTTPStatus | None = None,
        extra: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(safe)
        self.safe = safe
        self.problem_code = code or self.code
        self.problem_status = status or self.status
        self.extra = extra or {}
        self.headers = headers or {}


class NotFound(MentsError):
    """There is no such thing, or the asker may not know of it."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class Invalid(MentsError):
    """The request is well formed and asks for something that is not allowed."""

    code = "invalid"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Unauthenticated(MentsError):
    """Nobody is signed in, or the session is over."""

    code = "unauthenticated"
    status = HTTPStatus.UNAUTHORIZED


class Forbidden(MentsError):
    """The asker is known and may not do this."""

    code = "forbidden"
    status = HTTPStatus.FORBIDDEN


class Conflict(MentsError):
    """The thing's present state does not allow it."""

    code = "conflict"
    status = HTTPStatus.CONFLICT


class TooMany(MentsError):
    """A limit was reached; `retry_after_s` says when to come back."""

    code = "too_many_requests"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, safe: str, *, retry_after_s: int, code: str | None = None) -> None:
        super().__init__(
            safe,
            code=code,
            extra={"retry_after_s": retry_after_s},
            headers={"Retry-After": str(retry_after_s)},
        )
        self.retry_after_s = retry_after_s


class Unavailable(MentsError):
    """A part that is needed does not answer; trying again later may help."""

    code = "unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class Busy(MentsError):
    """So much waits already that nothing may be added; `retry_after_s` says when there may be room again."""

    code = "busy"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, safe: str, *, retry_after_s: int, code: str | None = None) -> None:
        super().__init__(
            safe, code=code, extra={"retry_after_s": retry_after_s}, headers={"Retry-After": str(retry_after_s)}
        )
        self.retry_after_s = retry_after_s


class Retryable(MentsError):
    """A job failed for a reason that may pass: the network, a full disk, a killed child."""

    code = "retryable"


class Away(Retryable):
    """A part that the job needs does not answer, or the machine has no room: the job waits, and no attempt is used up."""

    code = "away"


class Permanent(MentsError):
    """A job failed for a reason that trying again will not change: a broken file, a wrong payload."""

    code = "permanent"
