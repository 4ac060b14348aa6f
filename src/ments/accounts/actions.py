"""Registering, signing in, one-time links: one transaction each."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from ments.accounts import passwords, store
from ments.accounts.guessing import begin_try, end_well
from ments.accounts.model import Account, FieldError, InvalidFields, LinkSpent, SessionKind, Taken, WrongLogin
from ments.accounts.rules import PASSWORD_MAX, check_registration, cut_off_error, tidy_email
from ments.accounts.sessions import hash_token, open_session
from ments.db import Session, Transaction
from ments.errors import Invalid, NotFound
from ments.parts import Parts

LINK_S = 3600
_OPERATOR_NAME = "operator"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An account with the token of the session that was just opened for it."""

    account: Account
    token: str


async def register(parts: Parts, *, email: str, username: str, password: str) -> SignedIn:
    """Make an account and sign it in.

    Raises InvalidFields or Taken, each naming the fields.
    """
    if found := check_registration(email=email, username=username, password=password):
        raise InvalidFields(found)
    tidy = tidy_email(email)
    async with parts.primary.session() as session:
        # Before the costly hash, and once more at the insert for who registers at the same moment.
        await _refuse_taken(session, username=username, email=tidy)
    password_hash = await passwords.hash_password(password)
    is_admin = tidy.lower() in parts.settings.admin_emails
    async with parts.primary.transaction() as tx:
        account = await _insert(tx, username, tidy, password_hash=password_hash, is_admin=is_admin)
        return SignedIn(account, await open_session(tx, account.id))


async def create_account(parts: Parts, *, username: str, email: str, password: str, is_admin: bool = False) -> Account:
    """Make an account without signing it in, for operators; the same rules hold."""
    if found := check_registration(email=email, username=username, password=password):
        raise InvalidFields(found)
    password_hash = await passwords.hash_password(password)
    async with parts.primary.transaction() as tx:
        return await _insert(tx, username, tidy_email(email), password_hash=password_hash, is_admin=is_admin)


async def sign_in(parts: Parts, *, login: str, password: str, address: str) -> SignedIn:
    """Open a session for an email or username and its password.

    address  whose tries are counted
    Raises WrongLogin, which tells the tries that are left, or SignInPaused.
    """
    login = login.strip().lower()
    login_error = cut_off_error(login) if login else "Enter your email or username."
    if login_error or not password:
        raise InvalidFields(
            ([FieldError("login", login_error)] if login_error else [])
            + [FieldError("password", "Enter your password.")] * (not password)
        )
    if len(login) > 320 or len(password) > PASSWORD_MAX:
        raise Invalid("That is longer than any address or password here.")
    async with parts.primary.session() as session:
        known = await store.find_credentials(session, login)
    account_id, password_hash = known or (None, None)
    # Counted by account, so that the address and the username are not five tries each.
    counted_as = str(account_id or login)
    attempt = await begin_try(parts.valkey, login=counted_as, address=address)
    if not await passwords.verify_password(password_hash, password) or account_id is None or password_hash is None:
        raise WrongLogin(tries_left=attempt.left, paused_until=attempt.paused_until)
    await end_well(parts.valkey, login=counted_as, address=address)
    new_hash = await passwords.hash_password(password) if passwords.needs_rehash(password_hash) else None
    async with parts.primary.transaction() as tx:
        account = await store.find_account(tx, account_id)
        if account is None:
            raise WrongLogin(tries_left=attempt.left, paused_until=attempt.paused_until)
        if new_hash:
            await store.set_password_hash(tx, account_id, password_hash=new_hash, old_hash=password_hash)
        return SignedIn(account, await open_session(tx, account_id))


async def create_sign_in_link(parts: Parts, account: Account) -> str:
    """Make a token that signs `account` in once, within the hour; it goes into /auth/link?token=."""
    token = secrets.token_urlsafe(32)
    async with parts.primary.transaction() as tx:
        await store.insert_link(
            tx,
            token_hash=hash_token(token),
            account_id=account.id,
            expires_at=datetime.now(UTC) + timedelta(seconds=LINK_S),
        )
    return token


async def link_path(parts: Parts, username: str | None = None) -> str:
    """Return the path of a one-time link for an account, by default the oldest operator's. Raises NotFound."""
    account = await _named(parts, username) if username else await _first_operator(parts)
    return f"/auth/link?token={await create_sign_in_link(parts, account)}"


async def use_link(parts: Parts, token: str) -> SignedIn:
    """Spend a one-time link. Raises LinkSpent when it was used, is over or never was."""
    async with parts.primary.transaction() as tx:
        account_id = await store.spend_link(tx, hash_token(token))
        account = await store.find_account(tx, account_id) if account_id else None
        if account is None:
            raise LinkSpent("This link was used before, or its hour is over. Ask for a new one, or sign in.")
        return SignedIn(account, await open_session(tx, account.id))


async def create_tokens(parts: Parts, usernames: Sequence[str], label: str = "") -> list[str]:
    """Make bearer tokens for scripts, one for each account in this order; good for a year. All or none.

    Raises NotFound.
    """
    accounts = [await _named(parts, username) for username in usernames]
    async with parts.primary.transaction() as tx:
        return [await open_session(tx, account.id, SessionKind.TOKEN, label) for account in accounts]


async def _named(parts: Parts, username: str) -> Account:
    async with parts.primary.session() as session:
        account = await store.find_account_named(session, username)
    if account is None:
        raise NotFound(f"There is no account {username}. `ments accounts create` makes one.")
    return account


async def _first_operator(parts: Parts) -> Account:
    async with parts.primary.transaction() as tx:
        return await store.find_first_admin(tx) or await _create_operator(tx)


async def _create_operator(tx: Transaction) -> Account:
    existing = await store.find_account_named(tx, _OPERATOR_NAME)
    if existing:
        await store.make_admin(tx, existing.id)
        return existing
    # Without a password only links sign it in. The name is reserved, so nobody can have registered it.
    return await _insert(tx, _OPERATOR_NAME, "operator@localhost", password_hash=None, is_admin=True)


async def _insert(tx: Transaction, username: str, email: str, *, password_hash: str | None, is_admin: bool) -> Account:
    account = await store.insert_account(
        tx,
        id=uuid4(),
        username=username,
        email=email,
        password_hash=password_hash,
        full_name=username,
        is_admin=is_admin,
    )
    if account is None:
        await _refuse_taken(tx, username=username, email=email)
        raise Taken([FieldError("username", "That name was taken this very moment. Try again.")])
    return account


async def _refuse_taken(session: Session, *, username: str, email: str) -> None:
    taken = await store.find_taken(session, username=username, email=email)
    messages = {
        "email": "An account with this address exists. Sign in, or use another address.",
        "username": f"The name {username} is taken. Choose another.",
    }
    if taken:
        raise Taken([FieldError(name, messages[name]) for name in ("email", "username") if name in taken])
