"""The page that every visitor gets: its name in the cache, and for how long it may be given."""

from __future__ import annotations

from ments.db.keyset import PAGE_LIMIT_MAX, Place
from ments.feeds.model import FeedKind, FeedSource
from ments.feeds.paging import ENDS

FRESH_S = 1.0
"""How long a page is served without a look at the database: what a reader may be behind."""

STALE_S = 30.0
"""How much longer one reader's rebuild may be bridged with the old page for the others."""


def page_key(kind: FeedKind, limit: int, before: Place | None) -> str:
    """The name of a shared page in the cache."""
    where = f"{before.at.isoformat()}:{before.id}" if before else "first"
    return f"feed:{kind.value}:{limit}:{where}"


def first_page_keys() -> list[str]:
    """The names of every page that a new or deleted post changes at once."""
    kinds = (FeedKind.LATEST, FeedKind.FOR_YOU)
    return [page_key(kind, limit, None) for kind in kinds for limit in range(1, PAGE_LIMIT_MAX + 1)]


def say_cached(page: bytes) -> bytes:
    """Let a page that was made before say so."""
    return page.removesuffix(ENDS[FeedSource.CHRONOLOGICAL]) + ENDS[FeedSource.CACHE]
