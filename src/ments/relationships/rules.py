"""Who may do what to whom. Pure."""

from __future__ import annotations

from uuid import UUID

from ments.relationships.model import (
    BLOCKS_MAX,
    FOLLOWS_MAX,
    MUTES_MAX,
    AccountNotFound,
    NotYourself,
    TieKind,
    Ties,
    TiesFull,
    TiesView,
)

_MOST = {TieKind.FOLLOW: FOLLOWS_MAX, TieKind.BLOCK: BLOCKS_MAX, TieKind.MUTE: MUTES_MAX}


def check_other(kind: TieKind, account_id: UUID, other_id: UUID) -> None:
    """Refuse what somebody would do to themselves. Raises NotYourself."""
    if account_id == other_id:
        raise NotYourself(f"You can’t {kind} yourself.")


def check_reach(kind: TieKind, ties: Ties) -> None:
    """Refuse what reaches somebody through a block; a block itself needs no leave. Raises AccountNotFound.

    So whoever is blocked can still block back, and whoever blocks can take it back.
    """
    if kind is not TieKind.BLOCK:
        check_in_sight(ties)


def check_in_sight(ties: Ties) -> None:
    """Let nobody see an account that is hidden from them. Raises AccountNotFound, as for a name that nobody has."""
    if ties.hidden:
        raise no_account()


def no_account() -> AccountNotFound:
    """What is said of a name that nobody has, and of a hidden account: the same."""
    return AccountNotFound("There is no account with this name.")


def most_of(kind: TieKind) -> int:
    """How many accounts one account may follow, block or mute."""
    return _MOST[kind]


def check_room(kind: TieKind, count: int) -> None:
    """Refuse one more than an account may have. Raises TiesFull.

    count  how many it has now, the one that is being added included
    """
    most = most_of(kind)
    if count > most:
        raise TiesFull(f"An account can {kind} {most:,} others at most. Take one back first.", code=f"too_many_{kind}s")


def ties_view(ties: Ties) -> TiesView:
    """What the reader is told of their ties: not who blocked them."""
    return TiesView(ties.follows, ties.followed_by, ties.blocks, ties.mutes)
