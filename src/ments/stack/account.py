"""Under which account a part runs that refuses uid 0, and whether that account can reach the programs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ments.stack.model import StackError

_NOBODY = 65534
_SETPRIV = "/usr/bin/setpriv"
# Bits of CapBnd in /proc/self/status, the weaker right first.
_READ_ANYWHERE = (("dac_read_search", 2), ("dac_override", 1))


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account.

    capability  given along when the account could not otherwise reach the programs or the home (a checkout under
                /root): the right to read anywhere, and no right to write
    """

    uid: int
    gid: int
    capability: str = ""


def choose_account(home: Path, must_reach: Sequence[Path]) -> Account | None:
    """Choose the account for the parts that refuse uid 0; None when we are an ordinary user ourselves.

    A home that belongs to an ordinary user keeps that owner, so that root and the owner may start it in turn.
    """
    if os.geteuid() != 0:
        return None
    owner = home.stat()
    uid, gid = (owner.st_uid, owner.st_gid) if owner.st_uid else (_NOBODY, _NOBODY)
    shut = [str(path) for path in must_reach if not _others_can_reach(path, uid)]
    if not shut:
        return Account(uid, gid)
    for name, bit in _READ_ANYWHERE:
        if _bounding_set() >> bit & 1:
            return Account(uid, gid, name)
    raise StackError(
        f"The account {uid} cannot reach {shut[0]}: `chmod o+x` its folders, or move the checkout and --home."
    )


def launcher(account: Account | None, death_signal: str) -> tuple[str, ...]:
    """The words to put before a command: change the account, and have it end when the supervisor dies. Pure.

    setpriv asks for the death signal after it has changed the account; the kernel forgets it in a change.
    """
    words = [_SETPRIV, f"--pdeathsig={death_signal}"]
    if account:
        words += [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
        if account.capability:
            words += [f"--inh-caps=+{account.capability}", f"--ambient-caps=+{account.capability}"]
    return (*words, "--")


def own_folder(path: Path, account: Account | None, *, mode: int = 0o700) -> Path:
    """Create a folder, private by default, that belongs to the account; one that is there is given to it."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    if account:
        os.chown(path, account.uid, account.gid)
    return path


def _others_can_reach(path: Path, uid: int) -> bool:
    return all(folder.stat().st_mode & 0o001 or folder.stat().st_uid == uid for folder in path.resolve().parents)


def _bounding_set() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return int(line.split()[1], 16)
    return 0
