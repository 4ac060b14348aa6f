"""Rows of accounts, sessions and one-time links, read and written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from ments.accounts.model import Account, SessionKind, Viewer
from ments.db import Session, Transaction, load_queries
from ments.db.asked_together import ask_together
from ments.parts import Parts

queries = load_queries(__file__)


@asynccontextmanager
async def session_for(parts: Parts, viewer: Viewer | None) -> AsyncIterator[Session]:
    """Where a reader reads: members on the primary, so that they see what they just wrote, others on a replica."""
    async with parts.primary.session() if viewer else parts.replica.session() as session:
        yield session


async def insert_account(
    tx: Transaction,
    *,
    id: UUID,  # noqa: A002 (the column's name)
    username: str,
    email: str,
    password_hash: str | None,
    full_name: str,
    is_admin: bool,
) -> Account | None:
    """Insert an account; None when its username or email is taken."""
    row = await queries.insert_account(
        tx.connection,
        id=id,
        username=username,
        email=email,
        password_hash=password_hash,
        full_name=full_name,
        is_admin=is_admin,
    )
    return Account(**row) if row else None


async def find_taken(session: Session, *, username: str, email: str) -> set[str]:
    """Say which of the two another account has: a subset of {"username", "email"}."""
    row = await queries.find_taken(session.connection, username=username, email=email)
    return {name for name in ("username", "email") if row[f"{name}_taken"]}


async def find_credentials(session: Session, login: str) -> tuple[UUID, str | None] | None:
    """Return (account id, password hash) for an email or username; the hash is None when only links sign in."""
    row = await queries.find_credentials(session.connection, login=login)
    return (row["id"], row["password_hash"]) if row else None


async def find_account(session: Session, account_id: UUID) -> Account | None:
    """Read one account."""
    return _account(await queries.find_account(session.connection, id=account_id))


async def find_account_named(session: Session, username: str) -> Account | None:
    """Read one account by its username."""
    return _account(await queries.find_account_named(session.connection, username=username))


async def find_first_admin(session: Session) -> Account | None:
    """Read the oldest operator, if there is one."""
    return _account(await queries.find_first_admin(session.connection))


async def make_admin(tx: Transaction, account_id: UUID) -> None:
    """Make an account an operator."""
    await queries.make_admin(tx.connection, id=account_id)


async def set_password_hash(tx: Transaction, account_id: UUID, *, password_hash: str, old_hash: str) -> None:
    """Replace a hash that was just verified by a stronger one of the same password."""
    await queries.set_password_hash(tx.connection, id=account_id, password_hash=password_hash, old_hash=old_hash)


async def insert_session(
    tx: Transaction, *, token_hash: bytes, account_id: UUID, kind: SessionKind, label: str, expires_at: datetime
) -> None:
    """Insert a session or token."""
    await queries.insert_session(
        tx.connection, token_hash=token_hash, account_id=account_id, kind=kind, label=label, expires_at=expires_at
    )


async def find_session(parts: Parts, token_hash: bytes) -> str:
    """Return whose session it is, its kind and when it ends as JSON, `null` when there is none or it is over."""
    return await ask_together(parts.primary, queries.find_sessions, token_hashes=token_hash)


async def extend_session(tx: Transaction, token_hash: bytes, expires_at: datetime) -> bool:
    """Move a session's end; False when it is over already."""
    return int(await queries.extend_session(tx.connection, token_hash=token_hash, expires_at=expires_at)) == 1


async def delete_session(tx: Transaction, token_hash: bytes) -> UUID | None:
    """End a session, and say whose it was; it need not exist."""
    account_id: UUID | None = await queries.delete_session(tx.connection, token_hash=token_hash)
    return account_id


async def delete_expired_sessions(tx: Transaction) -> int:
    """Remove ended sessions and old links; returns how many sessions."""
    return int(await queries.delete_expired_sessions(tx.connection))


async def insert_link(tx: Transaction, *, token_hash: bytes, account_id: UUID, expires_at: datetime) -> None:
    """Insert a one-time link."""
    await queries.insert_link(tx.connection, token_hash=token_hash, account_id=account_id, expires_at=expires_at)


async def spend_link(tx: Transaction, token_hash: bytes) -> UUID | None:
    """Use a link up and return its account; None when it is used, over or unknown."""
    row = await queries.spend_link(tx.connection, token_hash=token_hash)
    return row["account_id"] if row else None


def _account(row: dict[str, Any] | None) -> Account | None:
    return Account(**row) if row else None
