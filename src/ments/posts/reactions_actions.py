"""The verbs of reactions: liking, reposting, keeping and reporting a post; each is one transaction, and twice is once."""

from __future__ import annotations

from uuid import UUID

from ments.accounts.model import Viewer
from ments.parts import Parts
from ments.posts import reactions_store
from ments.posts.reactions import (
    Bookmarked,
    Liked,
    Reaction,
    ReportedAlready,
    Reposted,
    check_reactable,
    check_repostable,
    tidy_report,
)
from ments.posts.seen import find_seen_post


async def like_post(parts: Parts, member: Viewer, post_id: UUID, *, liked: bool) -> Liked:
    """Like a post, or no longer. Raises PostNotFound, NotPublished."""
    return Liked(liked, await react(parts, member, post_id, Reaction.LIKE, wanted=liked))


async def repost_post(parts: Parts, member: Viewer, post_id: UUID, *, reposted: bool) -> Reposted:
    """Repost a post, or no longer. Raises PostNotFound, NotPublished, NotForEverybody."""
    return Reposted(reposted, await react(parts, member, post_id, Reaction.REPOST, wanted=reposted))


async def bookmark_post(parts: Parts, member: Viewer, post_id: UUID, *, bookmarked: bool) -> Bookmarked:
    """Keep a post in one's list, or no longer. Raises PostNotFound, NotPublished."""
    await react(parts, member, post_id, Reaction.BOOKMARK, wanted=bookmarked)
    return Bookmarked(bookmarked)


async def react(parts: Parts, member: Viewer, post_id: UUID, reaction: Reaction, *, wanted: bool) -> int:
    """Do one of these, or no longer; returns how many do it now, 0 for bookmarks. Raises what each of them raises."""
    async with parts.primary.transaction() as tx:
        post = check_reactable(await find_seen_post(tx, member.id, post_id))
        if reaction is Reaction.REPOST and wanted:
            check_repostable(post)
        return await reactions_store.set_reaction(tx, reaction, member.id, post_id, wanted=wanted)


async def report_post(parts: Parts, member: Viewer, post_id: UUID, reason: str, details: str) -> None:
    """Tell the operators about a post, once. Raises ReportRefused, PostNotFound, NotPublished, ReportedAlready."""
    reason, details = tidy_report(reason, details)
    async with parts.primary.transaction() as tx:
        check_reactable(await find_seen_post(tx, member.id, post_id))
        if not await reactions_store.insert_report(tx, member.id, post_id, reason, details):
            raise ReportedAlready("You reported this post before. It is with the operators.")
