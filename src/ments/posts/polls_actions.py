"""The verb of polls: voting, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ments.accounts.model import Viewer
from ments.parts import Parts
from ments.posts import polls_store, store
from ments.posts.polls import PollNotFound, PollOver, Voted, VotedAlready
from ments.posts.polls_rules import check_ballot
from ments.posts.reactions import check_reactable
from ments.posts.seen import find_seen_post


async def vote(parts: Parts, member: Viewer, post_id: UUID, option_ids: Sequence[UUID]) -> Voted:
    """Vote in the poll of a post, for good. The same ballot again is no mistake: its answer may have been lost.

    Raises PostNotFound, NotPublished, PollNotFound, BallotRefused, VotedAlready, PollOver.
    """
    async with parts.primary.transaction() as tx:
        check_reactable(await find_seen_post(tx, member.id, post_id))
        poll = await polls_store.find_poll(tx, post_id)
        if poll is None:
            raise PollNotFound("This post has no poll.")
        ballot = check_ballot(poll, option_ids)
        if not await polls_store.cast_vote(tx, poll, member.id, ballot):
            before = await polls_store.find_vote(tx, poll.id, member.id)
            if not before:
                raise PollOver("This poll is over.")
            if before != ballot:
                raise VotedAlready("You voted before. A vote is final.")
    shown = await store.read_post(parts, member, post_id)
    if shown.poll is None:
        raise PollNotFound("This post has no poll.")
    return Voted(ballot, shown.poll)
