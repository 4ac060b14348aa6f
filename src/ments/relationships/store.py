"""Reading profiles, ties and lists of accounts; and the statements that changing ties is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from ments.accounts.model import Viewer
from ments.accounts.store import session_for
from ments.db import Session, Transaction, load_queries
from ments.db.arrays import write_array
from ments.db.keyset import Place, clamp_limit, decode_cursor, encode_cursor
from ments.parts import Parts
from ments.relationships import rules
from ments.relationships.model import (
    POSTS_COUNTED_MAX,
    STRANGERS,
    PeoplePage,
    Person,
    Profile,
    TieKind,
    Ties,
    TiesView,
)

queries: Any = load_queries(__file__)


# reading ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FoundProfile:
    """A profile, and what its reader is to it: whether they may see it at all is for the rules to say."""

    profile: Profile
    ties: Ties


async def find_profile(session: Session, username: str, viewer_id: UUID | None) -> FoundProfile | None:
    """Find an account by its name, with its counts and the reader's ties."""
    row = await queries.find_profile(
        session.connection, username=username, viewer_id=viewer_id, posts_max=POSTS_COUNTED_MAX
    )
    if row is None:
        return None
    ties = Ties(**{name: row[name] for name in ("follows", "followed_by", "blocks", "blocked_by", "mutes")})
    profile = Profile(
        id=row["id"],
        username=row["username"],
        full_name=row["full_name"],
        headline=row["headline"],
        avatar_url=row["avatar_url"],
        is_verified=row["is_verified"],
        created_at=row["created_at"].astimezone(UTC),
        followers=row["followers"],
        following=row["following"],
        posts=row["posts"],
        viewer=None if viewer_id is None else rules.ties_view(ties),
    )
    return FoundProfile(profile, ties)


async def get_profile(session: Session, username: str, viewer_id: UUID | None) -> FoundProfile:
    """Find an account that this reader may see. Raises AccountNotFound."""
    found = await find_profile(session, username, viewer_id)
    if found is None:
        raise rules.no_account()
    rules.check_in_sight(found.ties)
    return found


async def read_profile(parts: Parts, viewer: Viewer | None, username: str) -> Profile:
    """Show an account to a reader. Raises AccountNotFound, also to both of those of whom one blocked the other."""
    async with session_for(parts, viewer) as session:
        return (await get_profile(session, username, viewer.id if viewer else None)).profile


async def find_ties(session: Session, viewer_id: UUID | None, account_id: UUID) -> Ties:
    """What a reader is to an account; a visitor is a stranger to all, and so is an account to itself."""
    if viewer_id is None or viewer_id == account_id:
        return STRANGERS
    return Ties(**await queries.find_ties(session.connection, viewer_id=viewer_id, account_id=account_id))


async def list_unwanted(session: Session, viewer_id: UUID, account_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Which of these accounts have no place in a reader's feeds: blocked by either of the two, or muted by the reader."""
    asked = set(account_ids) - {viewer_id}
    if not asked:
        return frozenset()
    rows = queries.list_unwanted(session.connection, viewer_id=viewer_id, ids=write_array(asked))
    return frozenset([row["id"] async for row in rows])


async def read_followers(
    parts: Parts, viewer: Viewer | None, username: str, *, cursor: str | None = None, limit: int | None = None
) -> PeoplePage:
    """Read one page of an account's followers, the newest first; limit 1..50, 20 when None.

    Raises AccountNotFound, BadCursor.
    """
    return await _read_people(parts, viewer, username, "followers", queries.list_followers, cursor, limit)


async def read_following(
    parts: Parts, viewer: Viewer | None, username: str, *, cursor: str | None = None, limit: int | None = None
) -> PeoplePage:
    """Read one page of those whom an account follows, the newest first. Raises AccountNotFound, BadCursor."""
    return await _read_people(parts, viewer, username, "following", queries.list_following, cursor, limit)


async def _read_people(
    parts: Parts,
    viewer: Viewer | None,
    username: str,
    name: str,
    list_rows: Callable[..., Any],
    cursor: str | None,
    limit: int | None,
) -> PeoplePage:
    n, secret = clamp_limit(limit), parts.settings.secret_for("cursor")
    viewer_id = viewer.id if viewer else None
    async with session_for(parts, viewer) as session:
        account = (await get_profile(session, username, viewer_id)).profile
        kind = f"{name}:{account.id}"
        before = decode_cursor(secret, kind, cursor) if cursor else Place.last()
        found = list_rows(
            session.connection,
            account_id=account.id,
            viewer_id=viewer_id,
            before_at=before.at,
            before_id=before.id,
            n=n + 1,
        )
        rows = [row async for row in found]
    has_more = len(rows) > n
    return PeoplePage(
        users=[_person(row, viewer_id) for row in rows[:n]],
        cursor=encode_cursor(secret, kind, Place(rows[n - 1]["at"], rows[n - 1]["id"])) if has_more else None,
        has_more=has_more,
    )


def _person(row: Mapping[str, Any], viewer_id: UUID | None) -> Person:
    return Person(
        id=row["id"],
        username=row["username"],
        full_name=row["full_name"],
        headline=row["headline"],
        avatar_url=row["avatar_url"],
        is_verified=row["is_verified"],
        # Whoever is hidden from the reader is not in the list.
        viewer=None if viewer_id is None else TiesView(row["follows"], row["followed_by"], False, row["mutes"]),
    )


# writing ----------------------------------------------------------------------------


async def find_account_id(session: Session, username: str) -> UUID | None:
    """From a name to the account."""
    found: UUID | None = await queries.find_account_id(session.connection, username=username)
    return found


async def lock_ties(tx: Transaction, account_id: UUID, other_id: UUID, *, adds: bool) -> None:
    """Let nobody else change what is between the two until the transaction ends.

    adds  the account will have one more: then nothing else is added for it meanwhile, so that its bound is exact
    """
    if adds:
        await queries.lock_own(tx.connection, account_id=account_id)
    await queries.lock_pair(tx.connection, one=account_id, other=other_id)


async def add_tie(tx: Transaction, kind: TieKind, account_id: UUID, other_id: UUID) -> bool:
    """Write a follow, block or mute; False when it was there."""
    add: Callable[..., Awaitable[int]] = getattr(queries, f"insert_{kind}")
    return await add(tx.connection, account_id=account_id, other_id=other_id) == 1


async def remove_tie(tx: Transaction, kind: TieKind, account_id: UUID, other_id: UUID) -> bool:
    """Take a follow, block or mute back; False when there was none."""
    remove: Callable[..., Awaitable[int]] = getattr(queries, f"delete_{kind}")
    return await remove(tx.connection, account_id=account_id, other_id=other_id) == 1


async def count_ties(tx: Transaction, kind: TieKind, account_id: UUID) -> int:
    """How many accounts this one follows, blocks or mutes; one more than the bound at most."""
    count: Callable[..., Awaitable[int]] = getattr(queries, f"count_{kind}s")
    return await count(tx.connection, account_id=account_id, most=rules.most_of(kind))


async def end_follows_between(tx: Transaction, one: UUID, other: UUID) -> list[tuple[UUID, UUID]]:
    """End the follows between two accounts, whichever there are; returns (follower, followee) of each."""
    rows = queries.end_follows_between(tx.connection, one=one, other=other)
    return [(row["follower_id"], row["followee_id"]) async for row in rows]


async def fold_lines(tx: Transaction, n: int) -> int:
    """Add the n oldest lines to the counters of their accounts; returns how many there were.

    Lines go in the transaction that adds them up: a crash neither loses one nor counts it twice.
    """
    rows = [row async for row in queries.take_lines(tx.connection, n=n)]
    changed = [row for row in rows if row["followers"] or row["following"]]
    if changed:
        ids = write_array(row["account_id"] for row in changed)
        sums = {name: write_array(row[name] for row in changed) for name in ("followers", "following")}
        await queries.lock_accounts(tx.connection, ids=ids)
        await queries.fold_into_accounts(tx.connection, ids=ids, **sums)
    return sum(row["lines"] for row in rows)
