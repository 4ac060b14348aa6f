"""What a username, an email address and a password may be, and where a sign-in may lead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

from email_validator import EmailNotValidError, validate_email

from ments.accounts.guessed_passwords import GUESSED_PASSWORDS
from ments.accounts.model import FieldError

USERNAME = re.compile(r"[a-z][a-z0-9_]{2,19}")
PASSWORD_MIN, PASSWORD_MAX = 8, 256
EMAIL_MAX = 254
# Paths of ours, and names that would let their owner pass for the house.
RESERVED_USERNAMES = frozenset(
    """
    about account accounts admin administrator api app auth callback create cursor environments feed feeds health help
    home internal login logout mail media ments messages metrics moderator new notifications null official onboarding
    operator ops people post posts privacy profile ready redirect register root schema search security settings signin
    signout signup static status support system team terms trending undefined user users webhooks www
    """.split()  # noqa: SIM905 (a list of words, not of strings)
)


def check_registration(*, email: str, username: str, password: str) -> list[FieldError]:
    """List what is wrong with a registration, at most one message a field; [] when it passes. Pure."""
    found = {
        "email": email_error(email),
        "username": username_error(username),
        "password": password_error(password, username=username, email=email),
    }
    return [FieldError(name, message) for name, message in found.items() if message]


def username_error(username: str) -> str | None:
    """Say what is wrong with a username, or None. Pure."""
    if not USERNAME.fullmatch(username):
        return "A username has 3 to 20 small letters, digits or underscores, and starts with a letter."
    if "__" in username:
        return "A username can't have two underscores in a row."
    if username in RESERVED_USERNAMES:
        return f"The name {username} is kept for the site. Choose another."
    return None


def password_error(password: str, *, username: str, email: str) -> str | None:
    """Say what is wrong with a password, or None. Pure.

    Length counts, not kinds of characters; what a guesser tries first is refused.
    """
    if len(password) < PASSWORD_MIN:
        return f"A password has at least {PASSWORD_MIN} characters."
    if len(password) > PASSWORD_MAX:
        return f"A password has at most {PASSWORD_MAX} characters."
    low = password.casefold()
    if low in {username.casefold(), email.casefold(), email.partition("@")[0].casefold()}:
        return "A password can't be your name or address."
    if low in GUESSED_PASSWORDS or len(set(low)) <= 2:
        return "That is one of the first passwords that a guesser tries. Choose another."
    return None


def cut_off_error(email: str) -> str | None:
    """Say that an email address ends too early, or None; also for a name without an @. Pure."""
    address = email.strip().rstrip(".")
    _, at, domain = address.rpartition("@")
    if at and not domain:
        return "The address looks cut off after the @. What follows it?"
    if at and "." not in domain:
        return f"The address looks cut off after “{address}”. Is the ending missing, like .com?"
    return None


def email_error(email: str) -> str | None:
    """Say what is wrong with an email address, or None; nothing is looked up. Pure."""
    if not email.strip():
        return "Enter your email address."
    if len(email) > EMAIL_MAX:
        return f"An address has at most {EMAIL_MAX} characters."
    if "@" not in email:
        return "The address has no @. It looks like name@example.com."
    if cut_off := cut_off_error(email):
        return cut_off
    try:
        tidy_email(email)
    except EmailNotValidError as error:
        return f"The address can't be right. {error}"
    return None


def tidy_email(email: str) -> str:
    """Normalise a valid address: domain in lower case, Unicode composed. Raises EmailNotValidError. Pure."""
    # Addresses under .test are what trials of a site use; they reach nobody, so they harm nobody.
    return validate_email(email.strip(), check_deliverability=False, test_environment=True).normalized


def safe_redirect(target: str | None, otherwise: str = "/") -> str:
    """Return `target` when it is a path of this site, else `otherwise`. Pure.

    A browser reads `//host`, `/\\host` and a slash followed by tabs or newlines as another site, and some layers decode
    once more than others: so a path is refused if any of its decoded forms, up to three, starts that way.
    What a header cannot hold (other letters than ASCII, blanks) is percent-encoded.
    """
    if not target or len(target) > 2000:
        return otherwise
    if not all(_stays_here(form) for form in _decoded(target)):
        return otherwise
    return quote(target, safe="/?#[]@!$&'()*+,;=:%")


def _decoded(text: str) -> Iterator[str]:
    for _ in range(4):
        yield text
        text = unquote(text, errors="replace")


def _stays_here(path: str) -> bool:
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in path):
        return False
    # Percent-encoded blanks and other Unicode are legal in a query, so only the start and backslashes matter there.
    before_query = path.split("?", 1)[0].split("#", 1)[0]
    return path.startswith("/") and not path.startswith("//") and "\\" not in before_query
