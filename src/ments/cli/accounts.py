"""`ments accounts` and `ments tokens`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from ments.cli.options import HomePath, fail, settings_of, with_parts

accounts_app = App(name="accounts", help="Make accounts, and links that sign them in.")


@accounts_app.command(name="create")
def accounts_create(
    name: str,
    /,
    *,
    email: str,
    password: str,
    admin: Annotated[bool, Parameter(negative=())] = False,
    home: HomePath | None = None,
) -> None:
    """Make an account.

    Parameters
    ----------
    name
        The username: 3 to 20 small letters, digits or underscores, first a letter.
    email
        Its address.
    password
        At least 8 characters.
    admin
        Make it an operator.
    home
        The home that was given to `ments up`.
    """
    from ments.accounts.actions import create_account

    made = with_parts(
        home, lambda parts: create_account(parts, username=name, email=email, password=password, is_admin=admin)
    )
    print(made.username)


@accounts_app.command(name="link")
def accounts_link(name: str | None = None, /, *, home: HomePath | None = None) -> None:
    """Print a link that signs an account in, once and within the hour.

    Parameters
    ----------
    name
        The account; without it the oldest operator, who is made when there is none.
    home
        The home that was given to `ments up`.
    """
    from ments.accounts.actions import link_path

    path = with_parts(home, lambda parts: link_path(parts, name))
    print(f"{settings_of(home).public_url}{path}")


tokens_app = App(name="tokens", help="Make tokens for scripts.")


@tokens_app.command(name="create")
def tokens_create(*names: str, home: HomePath | None = None) -> None:
    """Print a token for each account, one a line; a script sends it as `Authorization: Bearer TOKEN`.

    Parameters
    ----------
    names
        The accounts.
    home
        The home that was given to `ments up`.
    """
    from ments.accounts.actions import create_tokens

    if not names:
        fail("Name at least one account.")
    for token in with_parts(home, lambda parts: create_tokens(parts, names, label="ments tokens create")):
        print(token)
