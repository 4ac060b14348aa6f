"""Fixtures that every test may use. Those under tests/unit need none of the stack's."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import hypothesis
import pytest
import pytest_asyncio

from order import LongestFirst, rank
from running_stack import (
    FOLDER_VARIABLE,
    RunningStack,
    end_shared_stack,
    ments,
    open_folder,
    shared_stack,
    start_hurt_stack,
)

if TYPE_CHECKING:  # a second of imports that unit tests do not need
    import psycopg
    from xdist.remote import Producer

    from ments.accounts.model import Account
    from ments.parts import Parts

# How long one example takes says how busy the machine is, nothing of the code.
hypothesis.settings.register_profile("ments", deadline=None)
hypothesis.settings.load_profile("ments")

# Takes every row but those of the migrations, and without a trigger, in milliseconds; truncating all tables takes fifty times
# as long, so that is for large ones, whose dead rows would be in the way of the next test.
_EMPTY = """
do $$ declare
  kept constant text[] := '{alembic_version, environments}';
  has_large boolean := false;
  name text;
begin
  set local session_replication_role = replica;
  for name in select tablename from pg_tables where schemaname = 'public' and tablename <> all(kept) loop
    execute format('delete from %I', name);
    has_large := has_large or pg_relation_size(name::regclass) > 1000000;
  end loop;
  if has_large then
    select string_agg(format('%I', tablename), ', ') into name
    from pg_tables where schemaname = 'public' and tablename <> all(kept);
    execute 'truncate ' || name;
  end if;
end $$
"""


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        # Made by the first test that asks for the stack; most runs of unit tests never do.
        os.environ[FOLDER_VARIABLE] = f"{tempfile.gettempdir()}/ments-test-{secrets.token_hex(4)}-{os.getpid()}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: rank(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LongestFirst | None:
    """For a whole run, `--dist loadfile`; other ways are xdist's own."""
    return LongestFirst(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        end_shared_stack(Path(os.environ.pop(FOLDER_VARIABLE)))


@pytest.fixture(scope="session")
def stack() -> RunningStack:
    """The stack that the whole run shares: do not stop its parts, others use them."""
    return shared_stack(Path(os.environ[FOLDER_VARIABLE]))


@pytest.fixture(scope="session")
def hurt_folder() -> Iterator[Path]:
    """Homes of stacks that are hurt, of which `home` is that of `hurt_stack`."""
    made = open_folder("ments-hurt-")
    yield made
    ments("down", "--home", str(made / "home"), limit_s=40)
    shutil.rmtree(made)


@pytest.fixture
def hurt_stack(hurt_folder: Path) -> RunningStack:
    """A stack that tests may hurt, beside the shared one; started when the last test left none.

    Each start takes ten seconds of a core, so all that hurt one hurt this, one after the other (order.py).
    """
    home = hurt_folder / "home"
    # What the test before has hurt may not be whole again yet, and runs.
    if json.loads(ments("status", "--json", "--home", str(home)).stdout)["url"]:
        return RunningStack.of(home).wait_until_ready()
    return start_hurt_stack(home)


@dataclass(frozen=True)
class _Opened:
    parts: Parts
    # To this process' database, as a superuser.
    admin: psycopg.AsyncConnection


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _opened(stack: RunningStack, worker_id: str) -> AsyncIterator[_Opened]:
    import psycopg
    from psycopg import sql

    from ments.app import open_parts
    from ments.db.migrate import run_migrations
    from ments.settings import read_settings

    number = 15 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    name = f"test_{worker_id}"
    with psycopg.connect(stack.superuser_url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} owner ments").format(sql.Identifier(name)))
        # What a power cut would lose of a test is of no interest; the tests of faults have servers of their own.
        admin.execute(sql.SQL("alter database {} set synchronous_commit = off").format(sql.Identifier(name)))
    settings = read_settings(stack.env_for_database(name, number))
    run_migrations(settings.database_direct_url)
    async with (
        await psycopg.AsyncConnection.connect(stack.superuser_url(name), autocommit=True) as admin_here,
        open_parts(settings) as parts,
    ):
        yield _Opened(parts, admin_here)


@pytest_asyncio.fixture(loop_scope="session")
async def parts(_opened: _Opened) -> Parts:
    """Open parts over this test process' own database and Valkey number, both emptied before each test.

    The bucket is the stack's; keys hold a media id, so tests do not meet.
    """
    from ments.cache import PageCache

    parts = _opened.parts
    # What the test before has committed may still be on its way to the queue.
    await parts.outbox.aclose()
    await _opened.admin.execute(_EMPTY)
    await parts.valkey.client.flushdb()
    return replace(parts, pages=PageCache(parts.valkey))


MakeAccount = Callable[..., Awaitable["Account"]]


@pytest.fixture
def make_account(parts: Parts) -> MakeAccount:
    """`await make_account()` or `make_account("ada", is_admin=True, full_name="Ada")`; it has no password."""
    from ments.accounts.store import insert_account

    async def make(username: str | None = None, *, is_admin: bool = False, full_name: str = "") -> Account:
        chosen = username or f"user_{uuid4().hex[:10]}"
        async with parts.primary.transaction() as tx:
            account = await insert_account(
                tx,
                id=uuid4(),
                username=chosen,
                email=f"{chosen}@example.test",
                password_hash=None,
                full_name=full_name,
                is_admin=is_admin,
            )
        assert account, f"the username {chosen} is taken"
        return account

    return make
