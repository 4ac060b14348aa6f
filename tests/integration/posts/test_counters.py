"""Counters: whatever is done at once, and however it is folded, a count is what plain count(*) says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest

from ments.db import Primary
from ments.parts import Parts
from ments.posts import actions, counters, polls_actions, reactions_actions, store
from ments.posts.model import NewPost, PostNotFound, Visibility
from ments.posts.polls import PollDraft, PollKind, VotedAlready
from posting import Member, fetch_row, make_member
from reacting import check_counts, fold_all

_CONNECTIONS = 20


@asynccontextmanager
async def many_connections(parts: Parts) -> AsyncIterator[Parts]:
    """The same parts with room for twenty transactions at once."""
    primary = Primary(parts.settings.database_url, size=_CONNECTIONS)
    await primary.open()
    try:
        yield replace(parts, primary=primary)
    finally:
        await primary.close()


async def write(parts: Parts, author: Member, **new: object) -> UUID:
    return (await actions.create_post(parts, author.viewer, NewPost(content="Well?", **new))).id  # type: ignore[arg-type]


async def test_one_account_liking_from_twenty_connections_likes_once(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    post_id = await write(parts, mara)
    async with many_connections(parts) as wide:
        likes = await asyncio.gather(
            *(reactions_actions.like_post(wide, other.viewer, post_id, liked=True) for _ in range(_CONNECTIONS))
        )
        assert {like.liked for like in likes} == {True}
        assert max(like.likes for like in likes) == 1
        assert (await fetch_row(parts, "select sum(amount) as n from counter_lines"))["n"] == 1
        unlikes = await asyncio.gather(
            *(reactions_actions.like_post(wide, other.viewer, post_id, liked=False) for _ in range(_CONNECTIONS))
        )
        assert min(like.likes for like in unlikes) == 0
    await fold_all(parts)
    await check_counts(parts)


@pytest.mark.parametrize("seed", range(6))
async def test_counts_are_exact_whatever_is_done_at_once(parts: Parts, seed: int) -> None:
    dice = random.Random(seed)
    members = [await make_member(parts) for _ in range(6)]
    poll = PollDraft(("a", "b", "c"), PollKind.MULTIPLE_CHOICE, "", 3600)
    posts = [await write(parts, members[n % 3], poll=poll) for n in range(3)]
    options = {post_id: await _options(parts, post_id) for post_id in posts}
    replies: list[tuple[Member, UUID]] = []

    async def act(wide: Parts) -> None:
        who, post_id = dice.choice(members), dice.choice(posts)
        try:
            match dice.randrange(8):
                case 0 | 1:
                    await reactions_actions.like_post(wide, who.viewer, post_id, liked=dice.random() < 0.6)
                case 2:
                    await reactions_actions.repost_post(wide, who.viewer, post_id, reposted=dice.random() < 0.6)
                case 3:
                    chosen = dice.sample(options[post_id], dice.randint(1, 3))
                    await polls_actions.vote(wide, who.viewer, post_id, chosen)
                case 4 | 5:
                    visibility = dice.choice(list(Visibility))
                    replies.append((who, await write(wide, who, parent_post_id=post_id, visibility=visibility)))
                case 6 if replies:
                    author, reply_id = dice.choice(replies)
                    await actions.delete_post(wide, author.viewer, reply_id)
                case _:
                    # Fewer at once than there are, so that folders meet.
                    await counters.fold_counts(wide.primary, at_once=dice.randint(1, 4), batches=3)
        except (VotedAlready, PostNotFound):
            return

    async with many_connections(parts) as wide:
        for _ in range(5):
            await asyncio.gather(*(act(wide) for _ in range(30)))
            await _check_what_readers_are_told(parts, members[0], posts)
        # A post that goes keeps what was counted for it; so nothing is folded into the wrong row.
        await actions.delete_post(wide, members[0].viewer, posts[0])
        await asyncio.gather(*(counters.fold_counts(wide.primary, at_once=3, batches=100) for _ in range(8)))
    await fold_all(parts)
    await check_counts(parts)


async def _options(parts: Parts, post_id: UUID) -> list[UUID]:
    async with parts.primary.session() as session:
        rows = await session.connection.execute(
            "select o.id from poll_options o join polls q on q.id = o.poll_id where q.post_id = %s order by o.position",
            [post_id],
        )
        return [row["id"] async for row in rows]


async def _check_what_readers_are_told(parts: Parts, reader: Member, posts: list[UUID]) -> None:
    """Lines that are not folded yet count, too."""
    for post_id in posts:
        shown = await store.read_post(parts, reader.viewer, post_id)
        row = await fetch_row(
            parts,
            "select (select count(*) from likes where post_id = %(id)s) as likes, (select count(*) from reposts where post_id = %(id)s)"
            " as reposts, (select count(*) from posts where parent_post_id = %(id)s and status = 'published' and visibility = 'public')"
            " as replies, (select count(*) from poll_votes v join polls q on q.id = v.poll_id where q.post_id = %(id)s) as voters".replace(
                "%(id)s", f"'{post_id}'"
            ),
        )
        assert shown.poll
        assert (shown.likes, shown.reposts, shown.replies, shown.poll.voters) == tuple(row.values())


async def test_a_fold_that_breaks_off_loses_and_doubles_nothing(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    post_id = await write(parts, mara)
    for who in (mara, other):
        await reactions_actions.like_post(parts, who.viewer, post_id, liked=True)
    with pytest.raises(ConnectionError):
        await _break_off(parts)
    row = await fetch_row(parts, "select likes, (select count(*) from counter_lines) as lines from posts")
    assert row == {"likes": 0, "lines": 2}
    assert await counters.fold_counts(parts.primary) == 2
    assert await counters.fold_counts(parts.primary) == 0
    await check_counts(parts)


async def _break_off(parts: Parts) -> None:
    async with parts.primary.transaction() as tx:
        assert await counters._fold_batch(tx, 100) == 2
        raise ConnectionError


async def test_a_folder_takes_what_no_other_holds(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    post_id = await write(parts, mara)
    await reactions_actions.like_post(parts, mara.viewer, post_id, liked=True)
    async with many_connections(parts) as wide, wide.primary.transaction() as tx:
        rows = [row async for row in counters.queries.take_lines(tx.connection, n=10)]
        assert [row["lines"] for row in rows] == [1]
        await reactions_actions.like_post(parts, other.viewer, post_id, liked=True)
        # The other folder neither waits nor counts what is being folded.
        async with asyncio.timeout(5):
            assert await counters.fold_counts(parts.primary) == 1
        shown = await store.read_post(parts, None, post_id)
        assert shown.likes == 2
        await counters.queries.fold_into_posts(
            tx.connection, ids=f"{{{post_id}}}", likes="{1}", reposts="{0}", replies="{0}"
        )
    await check_counts(parts)


async def test_a_run_is_bounded(parts: Parts) -> None:
    mara = await make_member(parts)
    post_id = await write(parts, mara)
    for n in range(7):
        await reactions_actions.like_post(parts, mara.viewer, post_id, liked=n % 2 == 0)
    assert await counters.fold_counts(parts.primary, at_once=2, batches=2) == 4
    assert (await fetch_row(parts, "select count(*) as n from counter_lines"))["n"] == 3
    await fold_all(parts)
    await check_counts(parts)


async def test_an_account_that_goes_takes_its_likes_and_votes_along(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    post_id = await write(parts, mara, poll=PollDraft(("a", "b"), PollKind.SINGLE_CHOICE, "", 3600))
    for who in (mara, other):
        await reactions_actions.like_post(parts, who.viewer, post_id, liked=True)
        await reactions_actions.repost_post(parts, who.viewer, post_id, reposted=True)
        await polls_actions.vote(parts, who.viewer, post_id, (await _options(parts, post_id))[:1])
    await fold_all(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("delete from accounts where id = %s", [other.viewer.id])
    shown = await store.read_post(parts, None, post_id)
    assert (shown.likes, shown.reposts, shown.poll and shown.poll.voters) == (1, 1, 1)
    await fold_all(parts)
    await check_counts(parts)


async def test_liking_waits_for_no_folder_and_no_other_like(parts: Parts) -> None:
    """The post's row is not what a like writes: whoever holds it holds up nobody."""
    mara, other = await make_member(parts), await make_member(parts)
    post_id = await write(parts, mara)
    async with many_connections(parts) as wide, wide.primary.transaction() as tx:
        await tx.connection.execute("update posts set likes = likes where id = %s", [post_id])
        async with asyncio.timeout(5):
            assert (await reactions_actions.like_post(parts, other.viewer, post_id, liked=True)).likes == 1


async def test_counting_is_done_by_the_clock_each_second() -> None:
    from ments.posts.tasks import PERIODIC

    fold = next(task for task in PERIODIC if task.name == "posts.fold_counts")
    assert fold.every_s == 1
