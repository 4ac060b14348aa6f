"""The page that everybody gets, as bytes: made once, cached, and taken apart without reading the cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec

from ments.db.keyset import PAGE_LIMIT_MAX, Place
from ments.feeds.model import FeedKind, FeedPage, FeedSource
from ments.feeds.rules import Laid
from ments.posts.model import PostView
from ments.posts.polls_rules import with_results
from ments.posts.reactions import NOTHING_DONE, Overlay

FRESH_S = 1.0
"""How long a page is served without a look at the database: what a reader may be behind."""

STALE_S = 30.0
"""How much longer one reader's rebuild may be bridged with the old page for the others."""

_NO_VIEWER = b'"viewer":null}'
_ENDS = {source: b'"source":"%b"}' % source.value.encode() for source in FeedSource}


def page_key(kind: FeedKind, limit: int, before: Place | None) -> str:
    """The name of a shared page in the cache."""
    where = f"{before.at.isoformat()}:{before.id}" if before else "first"
    return f"feed:{kind.value}:{limit}:{where}"


def first_page_keys() -> list[str]:
    """The names of every page that a new or deleted post changes at once."""
    kinds = (FeedKind.LATEST, FeedKind.FOR_YOU)
    return [page_key(kind, limit, None) for kind in kinds for limit in range(1, PAGE_LIMIT_MAX + 1)]


def encode_page(page: FeedPage) -> bytes:
    """Write a page as the API's answer."""
    return msgspec.json.encode(page)


def say_cached(page: bytes) -> bytes:
    """Let a page that was made before say so."""
    return page.removesuffix(_ENDS[FeedSource.CHRONOLOGICAL]) + _ENDS[FeedSource.CACHE]


@dataclass(frozen=True, slots=True)
class _Author:
    id: UUID


@dataclass(frozen=True, slots=True)
class _Where:
    """The members of a card that say where it stands."""

    id: UUID
    published_at: datetime
    author: _Author


@dataclass(frozen=True, slots=True)
class _Cards:
    posts: list[msgspec.Raw]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class _Places:
    posts: list[_Where]


_cards = msgspec.json.Decoder(_Cards)
_places = msgspec.json.Decoder(_Places)


def take_apart(page: bytes) -> tuple[list[Laid[bytes]], str | None]:
    """Take a shared page apart into its cards, each still the bytes it was made as, and its cursor."""
    cards, places = _cards.decode(page), _places.decode(page).posts
    entries = [
        Laid(Place(where.published_at, where.id), where.author.id, bytes(card))
        for card, where in zip(cards.posts, places, strict=True)
    ]
    return entries, cards.cursor


def card_bytes(card: PostView) -> bytes:
    """Write one card."""
    return msgspec.json.encode(card)


def list_for_all(entries: Sequence[Laid[bytes]]) -> list[UUID]:
    """The posts whose cards are everybody's, and have no member's layer yet."""
    return [entry.place.id for entry in entries if entry.card.endswith(_NO_VIEWER)]


def put_together(
    entries: Sequence[Laid[bytes]], overlays: Mapping[UUID, Overlay], cursor: str | None, source: FeedSource
) -> bytes:
    """Write a member's page from cards, with the member's layer over those that are everybody's.

    overlays  by post; a post that is missing was left alone by this member
    """
    posts = b",".join(_lay_over(entry.card, overlays.get(entry.place.id, NOTHING_DONE)) for entry in entries)
    rest = msgspec.json.encode(cursor), b"true" if cursor else b"false", _ENDS[source]
    return b'{"posts":[%b],"cursor":%b,"has_more":%b,%b' % (posts, *rest)


def _lay_over(card: bytes, overlay: Overlay) -> bytes:
    """Write one member's layer over the end of everybody's card; a card that was drawn for the member has it already.

    Everybody's bytes tell the results of a poll that is over, and of no other. Whoever may know them before is told them
    by the layer; they stand in the middle of the card, which for these few is read and written anew.
    """
    if not card.endswith(_NO_VIEWER):
        return card
    if overlay.results is not None:
        for_all = msgspec.json.decode(card, type=PostView)
        poll = for_all.poll and with_results(for_all.poll, overlay.results)
        return card_bytes(replace(for_all, poll=poll, viewer=overlay.viewer))
    return b'%b"viewer":%b}' % (card.removesuffix(_NO_VIEWER), msgspec.json.encode(overlay.viewer))
