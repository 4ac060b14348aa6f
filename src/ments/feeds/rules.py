"""Which feed a reader gets, and how everybody's page is laid out for one member. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from ments.db.keyset import Place
from ments.errors import Unauthenticated
from ments.feeds.model import FeedKind, FeedKindUnavailable

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Laid(Generic[T]):
    """A post at its place in a feed; `card` is whatever shows it."""

    place: Place
    author_id: UUID
    card: T


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """A stretch of a feed, newest first. `last` is where the next one goes on, None when there is no more."""

    entries: list[Laid[T]]
    last: Place | None


def lay_out(
    shared: Slice[T], own: Sequence[Laid[T]], viewer_id: UUID, unwanted: Collection[UUID], limit: int
) -> Slice[T]:
    """Lay the page that everybody gets out for one member: their own posts in it, and without those they are spared.

    unwanted  authors who are hidden from the member, or muted

    The shared page may be a second old and holds published public posts only; `own` is the truth about the
    viewer's: the newest `limit` + 1 within the stretch that the page covers. So what the viewer just posted is there,
    what they just deleted is not, and what waits or is private shows to them alone.

    Returns at most `limit` entries, strictly descending by place; fewer than the page had, where some were taken out.
    When own posts push entries of the shared page out, `last` is the last place that stayed, so the next page begins
    with what was pushed out.
    """
    others = [entry for entry in shared.entries if entry.author_id != viewer_id and entry.author_id not in unwanted]
    merged = sorted([*others, *own], key=lambda entry: entry.place, reverse=True)
    if len(merged) > limit:
        return Slice(merged[:limit], merged[limit - 1].place)
    return Slice(merged, shared.last)
