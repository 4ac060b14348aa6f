"""Does what lies ready say what plain SQL says? A few timelines and pages a minute are compared, and dropped where they don't.

What is missing counts: a post that a timeline should hold and does not would stay away until it is made anew. What is too much
in a timeline does not, since it is left out whenever it is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
import structlog

from ments.cache.entry import unpack_entry
from ments.cache.pages import PREFIX
from ments.db import load_queries
from ments.db.arrays import write_array
from ments.db.keyset import Place
from ments.feeds import timeline_rules as rules
from ments.feeds import timelines_kept as kept
from ments.feeds.paging import list_places
from ments.feeds.paging import queries as feed_queries
from ments.feeds.timelines_made import queries as timeline_queries
from ments.observe.metrics import FEED_AUDITED, FEED_DIVERGENCE
from ments.parts import Parts

log = structlog.get_logger()
queries: Any = load_queries(__file__, "self_audit.sql")

TIMELINES_A_RUN = 25
PAGES_A_RUN = 10
# What came in so lately may be on its way; a page may be bridged with its predecessor for half a minute.
_GRACE = timedelta(seconds=60)
_CURSOR_KEY = "audit:cursor:{}"
_SCANS_A_RUN = 50
_SCAN_COUNT = 500


@dataclass(frozen=True, slots=True)
class Audit:
    """What a run came to: how many were compared, and the names of those that differed with how many entries."""

    compared: int
    differed: dict[str, int]


async def audit_timelines(parts: Parts) -> Audit:
    """Compare some timelines of members and of pulled accounts; repairs those that lack something. Raises RedisError."""

    async def repair(name: str) -> None:
        await kept.drop(parts.valkey, [name])

    names = await _list_some(parts, "[ta][lu]:*", TIMELINES_A_RUN)
    return _publish("timelines", await _compare(parts, names, _count_lacking, repair))


async def _compare(
    parts: Parts,
    names: Iterable[str],
    count: Callable[[Parts, str], Awaitable[int | None]],
    repair: Callable[[str], Awaitable[None]],
) -> Audit:
    """Count what is wrong with each (None: it is not to be compared), and repair those that something is wrong with."""
    compared, differed = 0, {}
    for name in names:
        wrong = await count(parts, name)
        if wrong is None:
            continue
        compared += 1
        if wrong:
            differed[name] = wrong
            await repair(name)
    return Audit(compared, differed)


async def _count_lacking(parts: Parts, name: str) -> int | None:
    """How many posts a timeline lacks; None for one that is not to be compared: it is being made, or would be made anew anyway."""
    try:
        account_id = UUID(name.partition(":")[2])
    except ValueError:
        return None
    (found,) = await kept.read_timelines(parts.valkey, [name], rules.NOTHING_COVERED, rules.TIMELINE_KEPT + 2)
    if found.head is None or found.floor == rules.NOTHING_COVERED:
        return None
    until = rules.to_score(datetime.now(UTC) - _GRACE)
    async with parts.primary.session() as session:
        if name == kept.author_name(account_id):
            rows = timeline_queries.list_newest_of_author(
                session.connection, account_id=account_id, n=rules.TIMELINE_KEPT
            )
        else:
            ties = await timeline_queries.find_ties(session.connection, viewer_id=account_id, most=rules.PULLED_MAX)
            if ties["newest_follow"] and rules.to_score(ties["newest_follow"]) > found.head.newest_follow:
                return None
            rows = timeline_queries.list_newest_of_followed(
                session.connection,
                viewer_id=account_id,
                pulled=list(found.head.pulled),
                n=rules.TIMELINE_KEPT,
            )
        wanted = {rules.entry_of(place) for place in await list_places(rows)}
    lies = set(rules.read_entries(found.pairs))
    return sum(found.floor < score < until for score, _ in wanted - lies)


async def audit_pages(parts: Parts) -> Audit:
    """Compare some of the pages of the latest posts that visitors get; purges those that differ. Raises RedisError."""

    async def repair(name: str) -> None:
        await parts.pages.purge(name.removeprefix(PREFIX))

    names = await _list_some(parts, f"{PREFIX}feed:latest:*", PAGES_A_RUN)
    return _publish("pages", await _compare(parts, names, _count_wrong, repair))


@dataclass(frozen=True, slots=True)
class _Shown:
    id: UUID
    published_at: datetime


@dataclass(frozen=True, slots=True)
class _Page:
    posts: list[_Shown]


async def _count_wrong(parts: Parts, name: str) -> int | None:
    """How many posts a page has too many or too few; None for one that has ended, or can't be read and is built anew."""
    raw = cast("bytes | None", await parts.valkey.client.get(name))
    entry = unpack_entry(raw) if raw else None
    if entry is None:
        return None
    page = msgspec.json.decode(entry.value, type=_Page)
    limit, before = _read_name(name)
    lies = {Place(post.published_at, post.id) for post in page.posts}
    until = datetime.now(UTC) - _GRACE
    async with parts.primary.session() as session:
        rows = feed_queries.list_latest(session.connection, before_at=before.at, before_id=before.id, n=limit)
        wanted = set(await list_places(rows))
        strays = {place.id for place in lies - wanted}
        gone = queries.list_gone_lately(session.connection, ids=write_array(strays), seconds=_GRACE.total_seconds())
        lately = {row["id"] async for row in gone}
    # New posts push old ones out of the end: only what both reach down to is compared.
    reach = max((min(places) for places in (lies, wanted) if len(places) >= limit), default=Place.first())
    return sum(reach <= place and place.at < until and place.id not in lately for place in lies ^ wanted)


def _read_name(name: str) -> tuple[int, Place]:
    """From the name of a page (`shared.page_key`) to its limit, and the place before which it begins."""
    _, _, limit, where = name.removeprefix(PREFIX).split(":", 3)
    if where == "first":
        return int(limit), Place.last()
    at, _, post_id = where.rpartition(":")
    return int(limit), Place(datetime.fromisoformat(at), UUID(post_id))


def _publish(what: str, audit: Audit) -> Audit:
    FEED_AUDITED.labels(what, "same").inc(audit.compared - len(audit.differed))
    FEED_AUDITED.labels(what, "differs").inc(len(audit.differed))
    FEED_DIVERGENCE.labels(what).set(sum(audit.differed.values()))
    if audit.differed:
        log.warning("feeds_differ", what=what, compared=audit.compared, lacking=audit.differed)
    return audit


async def _list_some(parts: Parts, pattern: str, n: int) -> list[str]:
    """The next names of a kind: from where the last run left off, so that each has its turn."""
    client, key = parts.valkey.client, _CURSOR_KEY.format(pattern)
    cursor = int(await client.get(key) or 0)
    names: list[str] = []
    for _ in range(_SCANS_A_RUN):
        cursor, found = await client.scan(cursor, match=pattern, count=_SCAN_COUNT)
        names += [cast("bytes", name).decode() for name in found]
        if cursor == 0 or len(names) >= n:
            break
    await client.set(key, cursor, ex=24 * 3600)
    return names[:n]
