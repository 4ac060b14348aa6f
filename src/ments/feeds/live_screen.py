"""What one reader has on their screen, and what is to be told of it. No sockets, no database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from ments.errors import Invalid
from ments.feeds.model import FeedKind

POSTS_MAX = 50
"""Most posts whose counts one stream follows."""

FRESH_MAX = 20
"""New posts that one stream tells of: a screen says "20+" then, and waits for its reader."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a new post."""

    username: str
    full_name: str
    avatar_url: str | None


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new post, as much of it as a page needs to say that it is there."""

    id: UUID
    author: Author


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted of a post."""

    likes: int
    replies: int
    reposts: int


@dataclass(eq=False, slots=True)
class Screen:
    """One stream: its reader (None: a visitor), the kind of feed and the posts that they see; and what they are not told yet.

    Only the newest state is kept, so a reader who is slow is told less often, and costs no more.
    """

    viewer_id: UUID | None
    kind: FeedKind
    posts: frozenset[UUID]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    fresh: list[Fresh] = field(default_factory=list)
    counts: dict[UUID, Counts] = field(default_factory=dict)
    # Told before, or to be told: a post is told of once.
    known: set[UUID] = field(default_factory=set)
    # Of these nothing was told yet: what the page shows may be old already.
    uncounted: set[UUID] = field(default_factory=set)

    def is_full(self) -> bool:
        return len(self.known) >= FRESH_MAX

    def add_fresh(self, fresh: Fresh) -> None:
        """A post came that this reader may see."""
        if fresh.id not in self.known and not self.is_full():
            self.known.add(fresh.id)
            self.fresh.append(fresh)
            self.wake.set()

    def add_counts(self, post_id: UUID, counts: Counts) -> None:
        """The counts of a post that this reader may see."""
        self.uncounted.discard(post_id)
        self.counts[post_id] = counts
        self.wake.set()

    def take_news(self) -> bytes:
        """The events of what is to be told, as text; nothing is to be told after."""
        self.wake.clear()
        text = b""
        if self.fresh:
            text += _event(b"new", {"posts": self.fresh, "count": len(self.fresh), "more": self.is_full()})
            self.fresh = []
        if self.counts:
            text += _event(b"counts", {str(post_id): counts for post_id, counts in self.counts.items()})
            self.counts = {}
        return text


def _event(name: bytes, data: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name, msgspec.json.encode(data))


def read_ids(written: str | None) -> frozenset[UUID]:
    """Read the posts of a screen: ids with commas between. Raises Invalid for what is none, or too many."""
    words = [word for word in (written or "").split(",") if word]
    if len(words) > POSTS_MAX:
        raise Invalid(f"A stream follows {POSTS_MAX} posts at most.", code="too_many_posts")
    try:
        return frozenset(map(UUID, words))
    except ValueError:
        raise Invalid("posts holds ids of posts, with commas between.", code="bad_posts") from None


def rotate(ids: Iterable[UUID], after: UUID | None, n: int) -> list[UUID]:
    """The next n of many ids, going round: those after the last that was looked at, then from the beginning."""
    ordered = sorted(set(ids))
    start = 0 if after is None else next((at for at, one in enumerate(ordered) if one > after), 0)
    return (ordered[start:] + ordered[:start])[:n]
