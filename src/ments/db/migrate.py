"""Run the migrations, over the direct connection (the pooler's transactions would not hold alembic's lock)."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from ments.errors import Conflict


class SeedUnfinished(Conflict):
    """Tables lack what a revision may expect of them."""

    code = "seed_unfinished"


def run_migrations(database_direct_url: str) -> None:
    """Bring the database to the newest revision; running it again does nothing.

    Two callers at once are safe: `env.py` takes an advisory lock for the run.
    Raises SeedUnfinished, or what the driver raises when the database cannot be reached.
    """
    _check_seed(database_direct_url)
    config = _config()
    config.attributes["url"] = database_direct_url
    command.upgrade(config, "head")


def _check_seed(database_direct_url: str) -> None:
    """Refuse to change a schema that `ments seed` has taken indexes from; with nothing to change, all may start, and seed go on."""
    with psycopg.connect(database_direct_url) as connection:
        if not _exists(connection, "seed_taken_away") or not _exists(connection, "alembic_version"):
            return
        revisions = connection.execute("select version_num from alembic_version order by version_num").fetchall()
        if ",".join(row[0] for row in revisions) == newest_revision():
            return
        if connection.execute("select 1 from seed_taken_away limit 1").fetchone():
            raise SeedUnfinished("`ments seed` has taken indexes away: run it again, it puts them back first.")


def _exists(connection: psycopg.Connection[Any], relation: str) -> bool:
    row = connection.execute("select to_regclass(%s) is not null", (relation,)).fetchone()
    return bool(row and row[0])


def newest_revision() -> str:
    """The revision that this program's database has, as `alembic_version` says it."""
    return ",".join(ScriptDirectory.from_config(_config()).get_heads())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("ments.db") / "migrations"))
    return config
