"""The folder of a local stack: data, logs, generated secrets, kept ports, and what runs now.

version       format of the folder; an older ments leaves a newer home alone
secrets.env   generated once, mode 600
ports.json    the ports chosen at the first start, kept while they are free
data/PART     what must survive
logs/PART.log
run/          configuration written at each start, the state of the running stack, run/env (mode 600)
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ments.settings import MIB, read_env_file
from ments.stack.leftovers import is_same, start_ticks
from ments.stack.model import StackError

FORMAT = 1
_FREE_BYTES_MIN = 512 * MIB
# A read-only disk, a parent that nobody can make (under /proc), a file in the folder's place, a name too long.
_UNUSABLE = (errno.EROFS, errno.ENOENT, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP)
_GENERATED: dict[str, Callable[[], str]] = {
    "POSTGRES_SUPERUSER_PASSWORD": lambda: secrets.token_hex(16),
    "POSTGRES_REPLICATION_PASSWORD": lambda: secrets.token_hex(16),
    "POSTGRES_PASSWORD": lambda: secrets.token_hex(16),
    "VALKEY_PASSWORD": lambda: secrets.token_hex(16),
    "AWS_ACCESS_KEY_ID": lambda: secrets.token_hex(10).upper(),
    "AWS_SECRET_ACCESS_KEY": lambda: secrets.token_hex(24),
    "SECRET_KEY": lambda: secrets.token_hex(32),
    "MEDIA_SIGNING_KEYS": lambda: secrets.token_hex(32),
}


@dataclass(frozen=True, slots=True)
class Home:
    """Paths inside one home. Nothing is created by making one of these."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def state_file(self) -> Path:
        return self.run / "state.json"

    @property
    def env_file(self) -> Path:
        return self.run / "env"

    @property
    def secrets_file(self) -> Path:
        return self.root / "secrets.env"

    def data(self, name: str) -> Path:
        return self.root / "data" / name

    def log(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"

    def lay_out(self, free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free) -> None:
        """Create the folders and the version file, or check them.

        Raises StackError when the home is newer, unwritable, or its disk is nearly full.
        """
        with told_plainly(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            self._check_version()
            if (free := free_bytes(self.root)) < _FREE_BYTES_MIN:
                raise StackError(
                    f"The disk under {self.root} is full ({free // MIB} MiB free, {_FREE_BYTES_MIN // MIB} are needed): "
                    "free some space, or choose another --home."
                )
            for folder in ("data", "logs", "run"):
                (self.root / folder).mkdir(exist_ok=True)
            # Addresses and paths stand in the logs. Parts inherit theirs open, so none needs to pass through.
            (self.root / "logs").chmod(0o700)
            if not (version := self.root / "version").exists():
                write_whole(version, f"{FORMAT}\n")

    def _check_version(self) -> None:
        try:
            text = (self.root / "version").read_text().strip()
        except FileNotFoundError:
            return
        if not text.isdecimal():
            raise StackError(f"{self.root / 'version'} holds {text!r}, no number: is {self.root} a home of ments?")
        if int(text) > FORMAT:
            raise StackError(
                f"{self.root} was written by a newer ments (format {text}, this one knows {FORMAT}): "
                "update ments, or choose another --home."
            )

    def lock(self) -> int | None:
        """Take the home for this process, which is written into the lock; None when another one has it. It ends with the process."""
        descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {start_ticks(os.getpid())}".encode())
        return descriptor

    def holder(self) -> tuple[int, int] | None:
        """Who has the home, from the first moment on: pid and start of the process, which runs; None when nobody has it."""
        try:
            pid, start = map(int, (self.run / "lock").read_text().split())
        except (FileNotFoundError, PermissionError, ValueError):
            return None  # never started, another user's, or just being taken
        return (pid, start) if is_same(pid, start) else None

    def secrets(self) -> dict[str, str]:
        """Read the generated secrets; those that are missing are made and kept."""
        with told_plainly(self.root):
            if self.secrets_file.exists():
                self.secrets_file.read_text()  # unreadable must be an error here, not an empty file
            kept = read_env_file(self.secrets_file)
            whole = {name: kept.get(name) or make() for name, make in _GENERATED.items()}
            if whole != kept:
                write_whole(self.secrets_file, env_text(whole), mode=0o600)
        return whole

    def kept_ports(self) -> dict[str, int]:
        try:
            return {str(name): int(port) for name, port in json.loads((self.root / "ports.json").read_text()).items()}
        except FileNotFoundError:
            return {}

    def keep_ports(self, ports: Mapping[str, int]) -> None:
        write_whole(self.root / "ports.json", json.dumps(ports, indent=1) + "\n")


def env_text(environ: Mapping[str, str]) -> str:
    """NAME=value lines, as `read_env_file` reads them. Pure."""
    return "".join(f"{name}={value}\n" for name, value in environ.items())


def write_whole(path: Path, text: str, *, mode: int = 0o644, owner: tuple[int, int] | None = None) -> None:
    """Replace a file at once, so that a reader sees the old text or the new one, never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, mode)
            if owner:
                os.fchown(descriptor, *owner)
            file.write(text)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


@contextmanager
def told_plainly(root: Path) -> Iterator[None]:
    """Turn the two errors of the disk that people meet into one line each."""
    try:
        yield
    except OSError as cause:
        if cause.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StackError(f"The disk under {root} is full: free some space, or choose another --home.") from cause
        if isinstance(cause, PermissionError | NotADirectoryError) or cause.errno in _UNUSABLE:
            raise StackError(
                f"{cause.filename or root} cannot be used by this user ({cause.strerror}): "
                "use the account that owns it, or choose another --home."
            ) from cause
        raise
