"""Cards as bytes: everybody's part, which changes with the post's version, and what is laid into it for each reader. Pure."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import msgspec

from ments.posts.model import PostView, ViewerView
from ments.posts.polls import PollView
from ments.posts.polls_rules import may_see_results

LIKED, REPOSTED, BOOKMARKED, DRAWN_FOR_ONE = 1, 2, 4, 8

_CUT = b',"poll":null,"likes":%d,"replies":%d,"reposts":%d,"parent_post_id":'
_END = b',"viewer":null}'


class SeenPoll(msgspec.Struct, array_like=True, gc=False):
    """A poll's moment: whether it is over, who voted, what the reader voted, and how often each option was chosen."""

    is_over: bool
    voters: int
    votes: tuple[UUID, ...] | None
    results: list[tuple[UUID, int]]


class OfPost(msgspec.Struct, frozen=True, gc=False):
    """Something of a post by an author. Their ids are texts: few are read, and to read them all takes longer than anything
    else about a page.
    """

    post: str
    author: str

    @property
    def id(self) -> UUID:
        """The post's."""
        return UUID(self.post)

    @property
    def author_id(self) -> UUID:
        """The author's."""
        return UUID(self.author)


class Seen(OfPost, array_like=True, frozen=True, gc=False):
    """What `see_cards` says of a post for one reader; `at` in microseconds since 1970, `flags` as named above."""

    at: int
    version: str
    flags: int
    likes: int
    replies: int
    reposts: int
    poll: SeenPoll | None


class Fragment(msgspec.Struct, array_like=True, frozen=True):
    """Everybody's part of a card: JSON up to its poll, the poll without any count (null without one), the post answered."""

    head: bytes
    poll: PollView | None
    parent: bytes


def viewer_of(seen: Seen) -> ViewerView:
    """What the reader did to the post."""
    votes = seen.poll.votes if seen.poll and seen.poll.votes else ()
    return ViewerView(bool(seen.flags & LIKED), bool(seen.flags & REPOSTED), bool(seen.flags & BOOKMARKED), votes)


def take_fragment(card: PostView) -> Fragment:
    """Take everybody's part from a card that was drawn for nobody (`viewer` None)."""
    poll = card.poll and replace(
        card.poll, is_over=False, voters=0, options=[replace(option, votes=None) for option in card.poll.options]
    )
    whole = msgspec.json.encode(card if poll is None else replace(card, poll=None))
    # From the end: what stands behind the cut is an id or null, so no words of the post can look like it.
    head, _, rest = whole.rpartition(_CUT % (card.likes, card.replies, card.reposts))
    return Fragment(head + b',"poll":', poll, rest.removesuffix(_END))


_VIEWERS = [
    msgspec.json.encode(ViewerView(bool(flags & LIKED), bool(flags & REPOSTED), bool(flags & BOOKMARKED)))
    for flags in range(8)
]


def lay_over(fragment: Fragment, seen: Seen, viewer_id: UUID | None) -> bytes:
    """Write the card for one reader, or for visitors (None)."""
    if viewer_id is None:
        viewer = b"null"
    elif seen.poll is None or not seen.poll.votes:
        viewer = _VIEWERS[seen.flags & 7]
    else:
        viewer = msgspec.json.encode(viewer_of(seen))
    poll = b"null"
    if fragment.poll is not None and seen.poll is not None:
        poll = msgspec.json.encode(_poll_now(fragment.poll, seen.poll, is_author=viewer_id == seen.author_id))
    return b'%b%b,"likes":%d,"replies":%d,"reposts":%d,"parent_post_id":%b,"viewer":%b}' % (
        fragment.head, poll, seen.likes, seen.replies, seen.reposts, fragment.parent, viewer,
    )  # fmt: skip


def _poll_now(poll: PollView, now: SeenPoll, *, is_author: bool) -> PollView:
    shows = may_see_results(is_over=now.is_over, is_author=is_author, has_voted=bool(now.votes))
    results = dict(now.results)
    options = [replace(option, votes=results.get(option.id) if shows else None) for option in poll.options]
    return replace(poll, is_over=now.is_over, voters=now.voters, options=options)


_decoder = msgspec.msgpack.Decoder(Fragment)


def write_fragment(fragment: Fragment) -> bytes:
    """As it lies in Valkey."""
    return msgspec.msgpack.encode(fragment)


def read_fragment(raw: bytes) -> Fragment | None:
    """Read it back; None for what another version wrote."""
    try:
        return _decoder.decode(raw)
    except msgspec.DecodeError:
        return None
