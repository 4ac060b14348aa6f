"""Who may be given the same copy of an answer, decided in one place from who may see it. Pure."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

PRIVATE = "private, no-store"
# What a visitor may be behind at most is the sum: a post that was deleted, or one that was just written.
PUBLIC = "public, max-age=1, stale-while-revalidate=5"
# A browser that has signed in must not be shown the copy it kept as a visitor; htmx asks for a fragment of the same URL.
PUBLIC_VARY = "Cookie, HX-Request"


class Sharing(StrEnum):
    """Whom one copy of something may serve, and so where it may lie.

    EVERYBODY    any reader: in the edge, in Valkey, in the process
    ONE_SESSION  the session that it was made for: in the process, for a second, under that session's own words
    NOBODY       no second request: nowhere
    """

    EVERYBODY = "everybody"
    ONE_SESSION = "one_session"
    NOBODY = "nobody"


def sharing_of(*, seen_by_all: bool, drawn_for: UUID | None, carries_identity: bool) -> Sharing:
    """Say whom one copy may serve.

    seen_by_all       whoever asks may see it, and sees the same: a route that is declared so, a post for everybody
    drawn_for         the account it was made for, with what is theirs alone in it; None when it was made for nobody
    carries_identity  it was asked for with a session or a token, which may be over
    """
    if drawn_for is not None:
        return Sharing.ONE_SESSION if carries_identity else Sharing.NOBODY
    return Sharing.EVERYBODY if seen_by_all and not carries_identity else Sharing.NOBODY


def cache_control(*, method: str, status: int, for_everyone: bool, carries_identity: bool) -> str:
    """Return the Cache-Control of an answer.

    for_everyone      the route was declared `public=True`: visitors all get the same
    carries_identity  the request came with a session or a token
    """
    sharing = sharing_of(seen_by_all=for_everyone, drawn_for=None, carries_identity=carries_identity)
    if sharing is Sharing.EVERYBODY and method in ("GET", "HEAD") and status == 200:
        return PUBLIC
    return PRIVATE


def is_kept(*, status: int, sets_cookie: bool, drawn_for: UUID | None, carries_identity: bool) -> bool:
    """Whether the process may answer the same session with the same bytes again, for a second."""
    sharing = sharing_of(seen_by_all=False, drawn_for=drawn_for, carries_identity=carries_identity)
    return sharing is Sharing.ONE_SESSION and status == 200 and not sets_cookie
