"""All the screens of one process: told of new posts by one subscription, and of counts by one look for all of them.

Every second at most a few statements, whatever the number of screens. Nothing leaves that was not asked of `may_see` just before.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from typing import Any
from uuid import UUID

import structlog

from ments.cache import Heard
from ments.db import Session, load_queries
from ments.db.arrays import write_array
from ments.feeds.live_screen import Author, Counts, Fresh, Screen, rotate
from ments.feeds.model import FeedKind
from ments.observe import report_error
from ments.parts import Parts
from ments.posts.cards import post_of, reach_of
from ments.posts.model import Visibility
from ments.posts.rules import may_see

log = structlog.get_logger()
queries: Any = load_queries(__file__, "live.sql")

TOPIC = "new_posts"
"""What fan-out tells when a post has reached its readers: the post's id, 16 bytes."""

_TICK_S = 1.0
_COUNTS_EVERY = 2
_COUNTED_AT_ONCE = 1_000
_PAIRS_AT_ONCE = 4_000
# What does not fit is told of no more: it is only for the eye.
_PAIRS_MAX = 100_000
_NEW_AT_ONCE = 100
# A page is drawn, then its stream opens, or opens again; what came in between is told, too. The page knows what it has.
_LOOK_BACK_S = 20.0
_NOBODY = UUID(int=0)


class Hub:
    """The open screens of a process."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.screens: set[Screen] = set()
        self._told: list[UUID] = []
        self._pairs: deque[tuple[Screen, Fresh]] = deque(maxlen=_PAIRS_MAX)
        self._known: dict[UUID, Counts] = {}
        self._last_counted: UUID | None = None
        self._newcomers: set[Screen] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, screen: Screen) -> None:
        """Tell this screen from now on."""
        screen.uncounted = set(screen.posts)
        self.screens.add(screen)
        self._newcomers.add(screen)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def leave(self, screen: Screen) -> None:
        """It is closed."""
        self.screens.discard(screen)
        self._newcomers.discard(screen)
        if not self.screens and self._task is not None:
            self._task.cancel()
            self._task = None

    def _hear(self, text: bytes) -> None:
        if len(text) == 16 and len(self._told) < _NEW_AT_ONCE:
            self._told.append(UUID(bytes=text))

    async def _run(self) -> None:
        stop = self._parts.heard.listen(TOPIC, self._hear)
        try:
            async with self._parts.heard.listening():
                for turn in itertools.count():
                    await asyncio.sleep(_TICK_S)
                    try:
                        await self.look(counts=turn % _COUNTS_EVERY == 0)
                    except Exception as error:
                        # A part is away: those who look at their screens lose nothing that a reload does not show.
                        log.warning("live_not_told", error=repr(error))
                        report_error(error, part="live")
        finally:
            stop()

    async def look(self, *, counts: bool) -> None:
        """Find what is new for whom, once."""
        async with self._parts.primary.session() as session:
            await self._find_fresh(session)
            await self._tell_fresh(session)
            if counts:
                await self._tell_counts(session)

    async def _find_fresh(self, session: Session) -> None:
        ids, self._told = self._told, []
        newcomers, self._newcomers = self._newcomers, set()
        lately: list[UUID] = []
        if newcomers or not self._parts.heard.is_live:
            lately = [row["id"] async for row in queries.list_lately(session.connection, seconds=_LOOK_BACK_S, n=_NEW_AT_ONCE)]  # fmt: skip
        if not ids and not lately:
            return
        rows = [row async for row in queries.list_new(session.connection, ids=write_array({*ids, *lately}))]
        told = set(ids) if self._parts.heard.is_live else {*ids, *lately}
        await self._pair(session, [row for row in rows if row["id"] in told], self.screens)
        await self._pair(session, [row for row in rows if row["id"] not in told], newcomers)

    async def _pair(self, session: Session, rows: list[dict[str, Any]], screens: set[Screen]) -> None:
        """Put new posts beside the screens whose kind they are of; whether the reader may see them is asked later."""
        screens = {screen for screen in screens if not screen.is_full()}
        if not rows or not screens:
            return
        homes = {screen.viewer_id for screen in screens if screen.kind is FeedKind.FOLLOWING and screen.viewer_id}
        follows: set[tuple[UUID, UUID]] = set()
        if homes:
            found = queries.list_follows_among(
                session.connection,
                viewer_ids=write_array(homes),
                author_ids=write_array({row["account_id"] for row in rows}),
            )
            follows = {(row["follower_id"], row["followee_id"]) async for row in found}
        for row in rows:
            author = Author(row["username"], row["full_name"], row["avatar_url"])
            fresh = Fresh(row["id"], author)
            for screen in screens:
                if row["account_id"] == screen.viewer_id or fresh.id in screen.posts:
                    continue
                if screen.kind is FeedKind.FOLLOWING:
                    wanted = (screen.viewer_id, row["account_id"]) in follows
                else:
                    wanted = row["visibility"] == Visibility.PUBLIC
                if wanted:
                    self._pairs.append((screen, fresh))

    async def _tell_fresh(self, session: Session) -> None:
        pairs: list[tuple[Screen, Fresh]] = []
        while self._pairs and len(pairs) < _PAIRS_AT_ONCE:
            screen, fresh = self._pairs.popleft()
            if screen in self.screens and not screen.is_full():
                pairs.append((screen, fresh))
        seen = await _list_seen(session, {(screen.viewer_id, fresh.id) for screen, fresh in pairs}, spare_muted=True)
        for screen, fresh in pairs:
            if (screen.viewer_id, fresh.id) in seen:
                screen.add_fresh(fresh)

    async def _tell_counts(self, session: Session) -> None:
        shown = {post_id for screen in self.screens for post_id in screen.posts}
        first = {post_id for screen in self.screens for post_id in screen.uncounted}
        ids = rotate(first, None, _COUNTED_AT_ONCE) or rotate(shown, self._last_counted, _COUNTED_AT_ONCE)
        if not ids:
            return
        self._last_counted = ids[-1]
        rows = [row async for row in queries.list_counts(session.connection, ids=write_array(ids))]
        now = {row["id"]: Counts(row["likes"], row["replies"], row["reposts"]) for row in rows}
        changed = {post_id for post_id, counts in now.items() if self._known.get(post_id) != counts}
        self._known = {post_id: counts for post_id, counts in self._known.items() if post_id in shown} | now
        pairs = [
            (screen, post_id)
            for screen in self.screens
            for post_id in screen.posts & now.keys()
            if post_id in changed or post_id in screen.uncounted
        ]
        # Of too many the rest is told when it changes next.
        pairs = pairs[:_PAIRS_AT_ONCE]
        seen = await _list_seen(session, {(screen.viewer_id, post_id) for screen, post_id in pairs})
        for screen, post_id in pairs:
            if (screen.viewer_id, post_id) in seen:
                screen.add_counts(post_id, now[post_id])
        for screen in self.screens:
            screen.uncounted -= set(ids)


async def _list_seen(
    session: Session, pairs: set[tuple[UUID | None, UUID]], *, spare_muted: bool = False
) -> set[tuple[UUID | None, UUID]]:
    """Which readers may see which posts, at this moment; without those by whom the reader has muted, if so asked."""
    if not pairs:
        return set()
    asked = list(pairs)
    rows = queries.list_reaches(
        session.connection,
        viewer_ids=write_array(viewer_id or _NOBODY for viewer_id, _ in asked),
        post_ids=write_array(post_id for _, post_id in asked),
    )
    seen: set[tuple[UUID | None, UUID]] = set()
    async for row in rows:
        viewer_id = None if row["viewer_id"] == _NOBODY else row["viewer_id"]
        if may_see(viewer_id, post_of(row), reach_of(row)) and not (spare_muted and row["reader_mutes"]):
            seen.add((viewer_id, row["id"]))
    return seen


_HUBS: dict[Heard, Hub] = {}


def hub_of(parts: Parts) -> Hub:
    """The process's hub."""
    return _HUBS.setdefault(parts.heard, Hub(parts))


def close_hub(parts: Parts) -> None:
    """Forget a hub that has no screens."""
    hub = _HUBS.get(parts.heard)
    if hub is not None and not hub.screens:
        del _HUBS[parts.heard]
