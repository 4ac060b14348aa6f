"""What one account is to another, how that leaves, its bounds, events and errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ments.errors import Conflict, Invalid, NotFound

FOLLOWS_MAX = 7_500
"""Most accounts that one account follows: its feed is read from all of them."""

BLOCKS_MAX = 10_000
"""Most accounts that one account blocks."""

MUTES_MAX = 10_000
"""Most accounts that one account mutes."""

POSTS_COUNTED_MAX = 10_000
"""A profile's posts are counted up to this many."""


class TieKind(StrEnum):
    """What one account may do to another by itself."""

    FOLLOW = "follow"
    BLOCK = "block"
    MUTE = "mute"


@dataclass(frozen=True, slots=True)
class Ties:
    """What one account (the first) is to another (the second); nothing at all to begin with."""

    follows: bool = False
    followed_by: bool = False
    blocks: bool = False
    blocked_by: bool = False
    mutes: bool = False

    @property
    def hidden(self) -> bool:
        """Whether the two are hidden from each other: the same from either side, whoever of them began."""
        return self.blocks or self.blocked_by


STRANGERS = Ties()
"""What a visitor is to everybody, and an account to itself."""


# what leaves ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TiesView:
    """What the reader did to an account, and whether it follows them. That it blocked them is not told."""

    follows: bool
    followed_by: bool
    blocks: bool
    mutes: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """An account as others see it. `posts` is how many anybody may see, at most POSTS_COUNTED_MAX; viewer None: a visitor."""

    id: UUID
    username: str
    full_name: str
    headline: str
    avatar_url: str | None
    is_verified: bool
    created_at: datetime
    followers: int
    following: int
    posts: int
    viewer: TiesView | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What following, blocking or muting came to."""

    id: UUID
    username: str
    followers: int
    following: int
    viewer: TiesView


@dataclass(frozen=True, slots=True)
class Person:
    """One entry of a list of accounts."""

    id: UUID
    username: str
    full_name: str
    headline: str
    avatar_url: str | None
    is_verified: bool
    viewer: TiesView | None


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page of followers, or of those who are followed, the newest first. `cursor` asks for the next one."""

    users: list[Person]
    cursor: str | None
    has_more: bool


# events -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Followed:
    """An account began to follow another."""

    follower_id: UUID
    followee_id: UUID


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """An account no longer follows another: by its own will, or because one of the two blocked the other."""

    follower_id: UUID
    followee_id: UUID


@dataclass(frozen=True, slots=True)
class Blocked:
    """Two accounts are hidden from each other from now on."""

    blocker_id: UUID
    blocked_id: UUID


@dataclass(frozen=True, slots=True)
class Unblocked:
    """An account took its block back; the other's own, if there is one, stays."""

    blocker_id: UUID
    blocked_id: UUID


@dataclass(frozen=True, slots=True)
class Muted:
    """An account no longer wants to see another in its feeds."""

    muter_id: UUID
    muted_id: UUID


@dataclass(frozen=True, slots=True)
class Unmuted:
    """An account wants to see another in its feeds again."""

    muter_id: UUID
    muted_id: UUID


EVENTS = (Followed, Unfollowed, Blocked, Unblocked, Muted, Unmuted)


# errors -----------------------------------------------------------------------------


class AccountNotFound(NotFound):
    """Nobody has this name, or they and the reader are hidden from each other."""

    code = "account_not_found"


class NotYourself(Invalid):
    """Somebody would follow, block or mute themselves."""

    code = "not_yourself"


class TiesFull(Conflict):
    """An account follows, blocks or mutes as many as it may; `code` says which."""

    code = "too_many_follows"
