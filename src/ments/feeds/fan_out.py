"""A post's way into its author's followers' home feeds: pushed into the timelines that are there, or, where an account has too many
followers for that, into one of its own that they pull.

All of it may be done again without harm.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import structlog

from ments.db.keyset import Place
from ments.feeds import timelines_kept as kept
from ments.feeds.timeline_rules import to_score, wants_pull
from ments.feeds.timelines_made import queries
from ments.parts import Parts

log = structlog.get_logger()

# Names in one script: some milliseconds of Valkey, in which nobody else is served.
_PUSHED_AT_ONCE = 500
_FOLLOWERS_AT_ONCE = 5_000


async def fan_out(parts: Parts, post_id: UUID) -> int:
    """Bring a post to its author's followers; returns to how many timelines. Raises RedisError while Valkey is away."""
    async with parts.primary.session() as session:
        post = await queries.find_pushed(session.connection, post_id=post_id)
    if post is None:
        return 0
    author_id, score = post["account_id"], to_score(post["sorted_at"])
    pulled = wants_pull(post["followers"], parts.settings.fanout_max, is_pulled=post["pulled"])
    if pulled != post["pulled"] or not post["settled"]:
        await _change_sides(parts, author_id, pulled=pulled)
    if pulled:
        return await kept.push(parts.valkey, [kept.author_name(author_id)], score, post_id)
    reached = 0
    async for names in _list_names(parts, author_id):
        reached += await kept.push(parts.valkey, names, score, post_id)
    return reached


async def drop_home(parts: Parts, account_id: UUID) -> None:
    """Let an account's home timeline be made anew when it is read next. Raises RedisError while Valkey is away."""
    await kept.drop(parts.valkey, [kept.home_name(account_id)])


async def _change_sides(parts: Parts, author_id: UUID, *, pulled: bool) -> None:
    """Have an account's posts pulled from now on, or pushed again.

    First it is written down, so that timelines which are made from here on know of it; then those of before are dropped. One that
    is being made meanwhile is dropped with its mark. What was posted in between is in whatever is made after.
    """
    async with parts.primary.transaction() as tx:
        await queries.set_pulled(tx.connection, account_id=author_id, pulled=pulled)
    # From the last time that it was pulled: it was not pushed to since.
    await kept.drop(parts.valkey, [kept.author_name(author_id)])
    async for names in _list_names(parts, author_id):
        await kept.drop(parts.valkey, names)
    async with parts.primary.transaction() as tx:
        settle = queries.settle_pulled if pulled else queries.forget_pulled
        await settle(tx.connection, account_id=author_id)
    log.info("fan_out_changed", account_id=str(author_id), pulled=pulled)


async def _list_names(parts: Parts, author_id: UUID) -> AsyncIterator[list[str]]:
    """The names of an account's followers' timelines, a batch at a time."""
    before = Place.last()
    while True:
        async with parts.primary.session() as session:
            batch = await queries.find_followers_batch(
                session.connection,
                account_id=author_id,
                prefix=kept.HOME_PREFIX,
                before_at=before.at,
                before_id=before.id,
                n=_FOLLOWERS_AT_ONCE,
            )
        if batch is None:
            return
        names: list[str] = batch["names"]
        for start in range(0, len(names), _PUSHED_AT_ONCE):
            yield names[start : start + _PUSHED_AT_ONCE]
        if len(names) < _FOLLOWERS_AT_ONCE:
            return
        before = Place(batch["last_at"], batch["last_id"])
