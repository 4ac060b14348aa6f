"""What an account is, who is looking, and what can go wrong with signing in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import ClassVar
from urllib.parse import quote
from uuid import UUID

from ments.errors import Conflict, Invalid, MentsError, TooMany, Unauthenticated

_COUNT_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whoever is looking, as every page and answer may know them."""

    id: UUID
    username: str
    full_name: str
    avatar_url: str | None
    is_verified: bool
    is_admin: bool


@dataclass(frozen=True, slots=True)
class Account:
    """A member, with what only they and operators may read."""

    id: UUID
    username: str
    email: str
    full_name: str
    headline: str
    avatar_url: str | None
    is_verified: bool
    is_admin: bool
    created_at: datetime

    def as_viewer(self) -> Viewer:
        """Return what may be shown of the account while it is signed in."""
        return Viewer(self.id, self.username, self.full_name, self.avatar_url, self.is_verified, self.is_admin)


class SessionKind(StrEnum):
    """How a session came about: a browser signed in, or an operator made a token for a script."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 (the kind's name)


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of a form: `field` by its name, `message` for people."""

    field: str
    message: str


class InvalidFields(Invalid):
    """Fields of a form do not pass; `fields` says which and why."""

    code = "invalid_fields"

    def __init__(self, fields: Sequence[FieldError]) -> None:
        super().__init__(_join(fields), extra=_errors(fields))
        self.fields = tuple(fields)


class Taken(Conflict):
    """Another account has this email or username."""

    code = "taken"

    def __init__(self, fields: Sequence[FieldError]) -> None:
        super().__init__(_join(fields), extra=_errors(fields))
        self.fields = tuple(fields)


class WrongLogin(Unauthenticated):
    """No account has this login with this password; which of the two is wrong is not said."""

    code = "wrong_login"

    def __init__(self, *, tries_left: int, paused_until: datetime) -> None:
        say = "That email and password don't match. "
        if tries_left:
            tries = "try" if tries_left == 1 else "tries"
            say += f"{_COUNT_WORDS[tries_left]} {tries} left before a ten-minute pause."
        else:
            say += f"Sign-in is paused until {paused_until:%H:%M} UTC."
        super().__init__(say, extra={"tries_left": tries_left})
        self.tries_left = tries_left


class SignInPaused(TooMany):
    """Too many wrong tries; the pause ends by itself."""

    code = "sign_in_paused"

    def __init__(self, *, until: datetime, retry_after_s: int) -> None:
        super().__init__(f"Sign-in is paused until {until:%H:%M} UTC.", retry_after_s=retry_after_s)
        self.extra["paused_until"] = until.isoformat()
        self.until = until


class SessionExpired(Unauthenticated):
    """The request carried a session or token that is over."""

    code = "session_expired"


class SignInNeeded(MentsError):
    """A visitor asked for a page that needs an account: off to the sign-in form, and back afterwards."""

    code: ClassVar[str] = "sign_in_needed"
    status = HTTPStatus.FOUND

    def __init__(self, path: str) -> None:
        super().__init__("Sign in to go on.", headers={"Location": f"/?redirect={quote(path, safe='/')}"})


class LinkSpent(MentsError):
    """A one-time link was used before, or its hour is over."""

    code = "link_spent"
    status = HTTPStatus.GONE


def _join(fields: Sequence[FieldError]) -> str:
    return " ".join(item.message for item in fields)


def _errors(fields: Sequence[FieldError]) -> dict[str, object]:
    return {"errors": [{"field": item.field, "message": item.message} for item in fields]}
