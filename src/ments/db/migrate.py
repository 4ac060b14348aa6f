"""Run the migrations, over the direct connection (the pooler's transactions would not hold alembic's lock)."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def run_migrations(database_direct_url: str) -> None:
    """Bring the database to the newest revision; running it again does nothing.

    Two callers at once are safe: `env.py` takes an advisory lock for the run.
    Raises what the driver raises when the database cannot be reached.
    """
    config = _config()
    config.attributes["url"] = database_direct_url
    command.upgrade(config, "head")


def newest_revision() -> str:
    """The revision that this program's database has, as `alembic_version` says it."""
    return ",".join(ScriptDirectory.from_config(_config()).get_heads())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("ments.db") / "migrations"))
    return config
