"""Run the migrations, over the direct connection (the pooler's transactions would not hold alembic's lock)."""

from __future__ import annotations

from importlib.resources import files

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def run_migrations(database_direct_url: str) -> None:
    """Bring the database to the newest revision; running it again does nothing.

    Two callers at once are safe: `env.py` takes an advisory lock for the run.
    Raises what the driver raises when the database cannot be reached.
    """
    config = Config()
    config.set_main_option("script_location", str(files("ments.db") / "migrations"))
    config.attributes["url"] = database_direct_url
    command.upgrade(config, "head")


def is_newest(database_direct_url: str) -> bool:
    """Whether the database's schema is the one this program brings. Raises psycopg.Error when it cannot be asked."""
    config = Config()
    config.set_main_option("script_location", str(files("ments.db") / "migrations"))
    heads = ScriptDirectory.from_config(config).get_heads()
    with psycopg.connect(database_direct_url, connect_timeout=3, autocommit=True) as connection:
        if connection.execute("select to_regclass('alembic_version')").fetchone() == (None,):
            return False
        rows = connection.execute("select version_num from alembic_version").fetchall()
    return {row[0] for row in rows} == set(heads)
