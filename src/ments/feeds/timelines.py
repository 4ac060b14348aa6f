"""Home timelines as their readers get them: what lies ready, checked against what is so at this moment.

A timeline may be late, never wrong: whom its reader follows and mutes, what was deleted or hidden, and the reader's own posts
are asked of Postgres for each page. Where a timeline ends, or is not to be had, Postgres goes on by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import msgspec
from redis.exceptions import RedisError

from ments.db.arrays import write_array
from ments.db.asked_together import ask_together
from ments.db.keyset import Place
from ments.feeds import timelines_kept as kept
from ments.feeds import timelines_made as made
from ments.feeds.paging import list_places
from ments.feeds.paging import queries as feed_queries
from ments.feeds.timeline_rules import (
    TIMELINE_KEPT,
    Head,
    Stretch,
    entry_of,
    from_score,
    merge_stretches,
    place_of,
    read_stretch,
    to_score,
)
from ments.feeds.timelines_made import queries
from ments.parts import Parts
from ments.posts.card_bytes import Seen

# A few more than a page: what was deleted or muted since is left out without a second look.
_SLACK = 4
# Of a timeline that lies ready, all of it is read at the third look.
_WIDER = 8


class _SeenHome(msgspec.Struct, array_like=True):
    """What `see_home` says: newest_follow as in Head, of this moment; how many entries there are, up to n + 1; the place of the n-th."""

    newest_follow: int | None
    count: int
    seen: list[Seen]
    last: tuple[int, UUID] | None


_seen_home = msgspec.json.Decoder(_SeenHome)


@dataclass(frozen=True, slots=True)
class _Checked:
    """What of a stretch is so. newest_follow: as in Head, of this moment."""

    places: list[Place]
    newest_follow: int


async def see_home(parts: Parts, viewer_id: UUID, before: Place, n: int) -> tuple[list[Seen], Place | None] | None:
    """The first n of `list_home` as cards for their reader, and the place of the last one when there are more, in one statement.

    None where that does not do: there is no timeline, or it holds too little of what is so. `list_home` then knows.
    """
    if made.is_resting(parts):
        return None
    try:
        read = await _read_or_make(parts, viewer_id, before, n + 1 + _SLACK)
    except (RedisError, OSError) as error:
        made.rest(parts, error)
        return None
    if read is None:
        return None
    head, stretch = read
    reaches = place_of(stretch.reaches)
    if stretch.is_floor and reaches >= before:
        return None
    said = await ask_together(
        parts.primary,
        queries.see_home,
        queries.see_home_alone,
        readers=viewer_id,
        named=[post_id.hex() for _, post_id in stretch.entries],
        before_ats=before.at,
        before_ids=before.id,
        from_ats=reaches.at,
        from_ids=reaches.id,
        ns=n,
    )
    found = _seen_home.decode(said)
    is_whole = found.count > n or (stretch.is_floor and not stretch.has_older)
    if not is_whole or (found.newest_follow or 0) > head.newest_follow:
        return None
    last = found.last if found.count > n else None
    return found.seen, last and Place(from_score(last[0]), last[1])


async def list_home(parts: Parts, viewer_id: UUID, before: Place, n: int) -> tuple[list[Place], bool]:
    """List the newest n posts before a place of those whom a member follows, and the member's own, newest first.

    Returns them, fewer at the end, and whether a timeline that lay ready was of use. The same as `list_following`, but for
    what was posted in the last moments, which may be missing until it is pushed.
    """
    if not made.is_resting(parts):
        try:
            found = await _list_kept(parts, viewer_id, before, n)
        except (RedisError, OSError) as error:
            made.rest(parts, error)
            found = None
        if found is not None:
            return found, True
    return await list_plainly(parts, viewer_id, before, n), False


async def list_plainly(parts: Parts, viewer_id: UUID, before: Place, n: int) -> list[Place]:
    """The same from Postgres alone; a few at once in each process, however many readers there are."""
    async with made.reads_at_once(parts), parts.primary.session() as session:
        return await list_places(
            feed_queries.list_following(
                session.connection, viewer_id=viewer_id, before_at=before.at, before_id=before.id, n=n
            )
        )


async def _list_kept(parts: Parts, viewer_id: UUID, before: Place, n: int) -> list[Place] | None:
    """The same with the timeline's help; None where there is none, and none can be made now."""
    found: list[Place] = []
    count, was_made = n + _SLACK, False
    while True:
        read = await _read_or_make(parts, viewer_id, before, count)
        if read is None:
            return None
        head, stretch = read
        reaches = place_of(stretch.reaches)
        if stretch.is_floor and reaches >= before:
            # Further down than it goes.
            return found + await list_plainly(parts, viewer_id, before, n - len(found))
        checked = await _check(parts, viewer_id, before, stretch, n - len(found))
        if checked.newest_follow > head.newest_follow:
            # Somebody is followed who was not when it was made, and the word of it was lost or is on its way.
            if was_made:
                return None
            was_made = True
            await made.make_home(parts, viewer_id)
            continue
        found += checked.places
        if len(found) >= n:
            return found
        if stretch.is_floor:
            older = await list_plainly(parts, viewer_id, reaches, n - len(found)) if stretch.has_older else []
            return found + older
        # Nothing but what is hidden, or many of one moment (then no further, but more at a time).
        before = min(before, reaches)
        count = min(count * _WIDER, TIMELINE_KEPT + _SLACK)


async def _read_or_make(parts: Parts, viewer_id: UUID, before: Place, count: int) -> tuple[Head, Stretch] | None:
    """Read a stretch of a member's timeline, merged with those of the accounts whose posts are pulled."""
    entry = entry_of(before)
    score = entry[0]
    name = kept.home_name(viewer_id)
    (home,) = await kept.read_timelines(parts.valkey, [name], score, count)
    if home.head is None:
        if home.is_making:
            return None
        await made.make_home(parts, viewer_id)
        (home,) = await kept.read_timelines(parts.valkey, [name], score, count)
        if home.head is None:
            return None
    sources = [home]
    if home.head.pulled:
        pulled = await _read_pulled(parts, home.head.pulled, score, count)
        if pulled is None:
            return None
        sources += pulled
    return home.head, merge_stretches([read_stretch(source.floor, source.pairs, entry, count) for source in sources])


async def _read_pulled(parts: Parts, account_ids: tuple[UUID, ...], score: int, count: int) -> list[kept.Found] | None:
    names = [kept.author_name(account_id) for account_id in account_ids]
    found = await kept.read_timelines(parts.valkey, names, score, count)
    missing = [account_id for account_id, one in zip(account_ids, found, strict=True) if one.head is None]
    if missing:
        for account_id in missing:
            await made.make_author(parts, account_id)
        found = await kept.read_timelines(parts.valkey, names, score, count)
    return None if any(one.head is None for one in found) else found


async def _check(parts: Parts, viewer_id: UUID, before: Place, stretch: Stretch, n: int) -> _Checked:
    """Leave what is so: of the stretch's posts, and the reader's own within it; n at most."""
    reaches = place_of(stretch.reaches)
    async with parts.primary.session() as session:
        rows = [
            row
            async for row in queries.list_true(
                session.connection,
                viewer_id=viewer_id,
                ids=write_array(post_id.hex() for _, post_id in stretch.entries),
                before_at=before.at,
                before_id=before.id,
                from_at=reaches.at,
                from_id=reaches.id,
                n=n,
            )
        ]
    newest = rows[0]["newest_follow"]
    places = [Place(row["sorted_at"], row["id"]) for row in rows if row["id"] is not None]
    return _Checked(places, to_score(newest) if newest else 0)
