"""Migrations wait until `ments seed` has put back what it took."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from ments.db.migrate import SeedUnfinished, run_migrations
from ments.parts import Parts


async def test_a_schema_that_seed_has_taken_from_is_left_as_it_is(parts: Parts) -> None:
    url = parts.settings.database_direct_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table seed_taken_away (name text)")
        try:
            connection.execute("insert into seed_taken_away values ('posts_latest')")
            # Nothing to do: what starts after migrations starts, and seed can go on.
            await asyncio.to_thread(run_migrations, url)
            newest = connection.execute("select version_num from alembic_version").fetchone()
            assert newest is not None
            connection.execute("update alembic_version set version_num = '0001'")
            try:
                with pytest.raises(SeedUnfinished, match="puts them back first"):
                    await asyncio.to_thread(run_migrations, url)
                assert connection.execute("select version_num from alembic_version").fetchone() == ("0001",)
            finally:
                connection.execute("update alembic_version set version_num = %s", newest)
        finally:
            connection.execute("drop table seed_taken_away")
