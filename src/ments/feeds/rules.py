"""Which feed a reader gets. Pure."""

from __future__ import annotations

from ments.errors import Unauthenticated
from ments.feeds.model import FeedKind, FeedKindUnavailable


def choose_kind(asked: str | None, *, signed_in: bool) -> FeedKind:
    """The feed that was asked for; without a wish, the ranked one for members and the latest for visitors.

    Raises FeedKindUnavailable, and Unauthenticated where a visitor asks for the feed of those whom they follow.
    """
    if not asked:
        return FeedKind.FOR_YOU if signed_in else FeedKind.LATEST
    try:
        kind = FeedKind(asked)
    except ValueError:
        raise FeedKindUnavailable("There is no such feed. The kinds are latest, following and for_you.") from None
    if kind is FeedKind.FOLLOWING and not signed_in:
        raise Unauthenticated("Sign in to read the feed of those you follow.")
    return kind
