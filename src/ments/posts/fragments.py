"""Cards as the bytes that feeds hand out, drawn from ids for one reader.

One statement says of each post whether this reader may see it, its version, its counts and what the reader did to it
(`see_cards`, migration 0016). What everybody's card is made of lies under the version (`parts.fragments`), so it is never
stale, whatever purge was lost; what is missing is drawn from its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec

from ments.cache.versioned import Versioned
from ments.db import Session, load_queries, write_array
from ments.db.asked_together import Together
from ments.parts import Parts
from ments.posts.card_bytes import DRAWN_FOR_ONE, Fragment, OfPost, Seen, lay_over, take_fragment, viewer_of
from ments.posts.cards import draw_card, post_of
from ments.posts.reactions import Overlay
from ments.posts.rules import is_for_everybody
from ments.posts.store import hydrate_posts, list_card_rows
from ments.web.caching import Sharing, sharing_of

queries: Any = load_queries(__file__, "fragments.sql")

_seen_decoder = msgspec.json.Decoder(list[Seen])
_Missing = tuple[Parts, Sequence[UUID]]
# Of so many pages the missing parts are made by one statement.
_MADE_TOGETHER_MAX = 4
_MAKING: WeakKeyDictionary[Versioned[Fragment], Together[_Missing, dict[UUID, Fragment]]] = WeakKeyDictionary()


class Card(OfPost, frozen=True, gc=False):
    """A post as one reader is given it. A page has many: a struct is made in a fifth of the time of a dataclass.

    body  the card's JSON with the reader's layer: theirs alone, unless the reader is a visitor (then everybody's)
    """

    body: bytes


async def draw_cards(
    parts: Parts, session: Session, viewer_id: UUID | None, ids: Sequence[UUID], *, spare_muted: bool = False
) -> list[Card]:
    """Draw the cards of posts in the order of `ids`, wherever the ids are from and however old they are.

    viewer_id    None for a visitor
    spare_muted  leave out those by accounts that the reader muted, as feeds do
    Leaves out what is deleted, and what this reader may not see.
    """
    if not ids:
        return []
    said = await queries.see_cards(session.connection, reader=viewer_id, ids=write_array(ids), spare_muted=spare_muted)
    return await draw_seen(parts, session, viewer_id, read_seen(said))


def read_seen(said: str) -> list[Seen]:
    """Read what `see_cards` said, as text."""
    return _seen_decoder.decode(said)


async def draw_seen(parts: Parts, session: Session | None, viewer_id: UUID | None, seen: Sequence[Seen]) -> list[Card]:
    """Draw the cards of which `see_cards` said a moment ago what they are for this reader.

    session  for what is not kept; None: of the primary, when it is needed, with others who need the same
    """
    fragments = await _find_fragments(parts, session, [one for one in seen if not one.flags & DRAWN_FOR_ONE])
    drawn = await _draw_for_one(parts, session, viewer_id, [one for one in seen if one.flags & DRAWN_FOR_ONE])
    cards: list[Card] = []
    for one in seen:
        if one.flags & DRAWN_FOR_ONE:
            body = drawn.get(one.id)
        else:
            fragment = next(fragments)
            body = None if fragment is None else lay_over(fragment, one, viewer_id)
        # Neither: it was deleted a moment ago.
        if body is not None:
            cards.append(Card(one.post, one.author, body))
    return cards


async def _find_fragments(parts: Parts, session: Session | None, seen: Sequence[Seen]) -> Iterator[Fragment | None]:
    """Everybody's parts of these posts in their order, kept or made now; None where there is none any more."""
    keys = [fragment_key(one.post, one.version) for one in seen]
    kept: Mapping[str, Fragment] = await parts.fragments.find(keys)
    missing = [one.id for one, key in zip(seen, keys, strict=True) if key not in kept]
    if not missing:
        return map(kept.__getitem__, keys)
    if session is not None:
        made = await _make_fragments(parts, session, missing)
    else:
        making = _MAKING.get(parts.fragments)
        if making is None:
            making = _MAKING[parts.fragments] = Together(_make_together, _MADE_TOGETHER_MAX)
        made = await making.ask((parts, missing))
    return iter([kept.get(key) or made.get(one.id) for one, key in zip(seen, keys, strict=True)])


async def _make_together(wanted: Sequence[_Missing]) -> list[dict[UUID, Fragment]]:
    """Make what several pages lack, each post once."""
    parts = wanted[0][0]
    async with parts.primary.session() as session:
        made = await _make_fragments(
            parts, session, list(dict.fromkeys(post_id for _, ids in wanted for post_id in ids))
        )
    return [{post_id: made[post_id] for post_id in ids if post_id in made} for _, ids in wanted]


async def _make_fragments(parts: Parts, session: Session, ids: Sequence[UUID]) -> dict[UUID, Fragment]:
    """Draw everybody's parts from rows, and keep them; without those that are not for everybody."""
    found: dict[UUID, Fragment] = {}
    made: dict[str, Fragment] = {}
    for row in await list_card_rows(session, ids, None):
        for_all = is_for_everybody(post_of(row))
        if sharing_of(seen_by_all=for_all, drawn_for=None, carries_identity=False) is not Sharing.EVERYBODY:
            continue
        fragment = found[row["id"]] = take_fragment(draw_card(row, parts.media_urls, None))
        # Under the version of these very rows, which may be newer than what was said before.
        made[fragment_key(str(row["id"]), row["version"])] = fragment
    await parts.fragments.put(made)
    return found


async def _draw_for_one(
    parts: Parts, session: Session | None, viewer_id: UUID | None, seen: Sequence[Seen]
) -> dict[UUID, bytes]:
    """Cards that hold what is this reader's alone: drawn anew each time, and kept nowhere."""
    if viewer_id is None or not seen:
        return {}
    if session is None:
        async with parts.primary.session() as opened:
            return await _draw_for_one(parts, opened, viewer_id, seen)
    overlays = {one.id: Overlay(viewer_of(one)) for one in seen}
    posts = await hydrate_posts(session, list(overlays), parts.media_urls, viewer_id, overlays)
    return {post.id: msgspec.json.encode(post) for post in posts}


def fragment_key(post: str, version: str) -> str:
    """Where everybody's part of a card lies. `post`: its id as Postgres writes it."""
    return f"fr:{post}:{version}"
