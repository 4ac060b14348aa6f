"""Postgres, PgBouncer and Valkey of the suite's own, by the recipes of `ments up`; each may be killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from fault_pace import PACE
from redis import Redis

from ments.db.migrate import run_migrations
from ments.settings import read_settings
from ments.stack.account import choose_account
from ments.stack.home import Home, env_text, write_whole
from ments.stack.model import NotReady, Part
from ments.stack.plan import Options, choose_places, port_names, run_env
from ments.stack.process import Process
from ments.stack.programs import find_programs
from ments.stack.stores import store_parts
from ments.stack.surroundings import Surroundings
from own_ports import own_ports
from running_stack import clean_environ

_WANTED = ("postgres", "pgbouncer", "valkey")
_READY_S = 60.0
_END_S = 60.0

# A transaction whose worker is frozen is ended sooner than the 30 s of a deployment: they would only be waited for.
_IDLE_MS = round(8_000 * PACE)

# What the suite writes beside the ledger. No unique constraint anywhere: a double is to show, not to be refused.
_TABLES = f"""
create table fault_asked (id uuid not null, batch text not null, at timestamptz not null default clock_timestamp());
create table fault_runs (id uuid not null, batch text not null, pid integer not null, lease integer not null,
    attempt integer not null, at timestamptz not null default clock_timestamp());
create table fault_effects (id uuid not null, batch text not null, pid integer not null, lease integer not null,
    at timestamptz not null default clock_timestamp());
create table fault_steps (id uuid not null, batch text not null, step text not null, lease integer not null, finished boolean not null);
create table fault_deaths (job_id uuid not null, code text not null, cause text not null);
alter role ments in database ments set idle_in_transaction_session_timeout = '{_IDLE_MS}ms';
create index on fault_asked (batch);
create index on fault_runs (batch);
create index on fault_effects (batch);
create index on fault_effects (id);
create index on jobs ((payload ->> 'batch'));
"""


@dataclass
class FaultStores:
    """The three stores. `env`: the settings that lead to them, as of a whole stack."""

    home: Home
    parts: dict[str, Part]
    around: Surroundings
    processes: dict[str, Process] = field(default_factory=dict)

    @classmethod
    async def open(cls, folder: Path) -> FaultStores:
        """Start all three over an empty home, and lay out the tables."""
        environ = clean_environ()
        home = Home(folder)
        home.lay_out()
        options = Options(home, port=9, bind="127.0.0.1", replicas=0, workers=0)
        places = choose_places(options, {})
        programs = find_programs(environ)
        ports = own_ports(port_names(options))
        secrets = home.secrets()
        around = Surroundings(
            home=home,
            options=options,
            places=places,
            programs=programs,
            ports=ports,
            secrets=secrets,
            env=run_env(options, places, ports, secrets, {}),
            account=choose_account(folder, [programs.postgres / "postgres", programs.pgbouncer, home.run]),
        )
        write_whole(home.env_file, env_text(around.env), mode=0o600)
        settings = read_settings(around.env)
        stores = cls(home, {part.name: part for part in store_parts(around, settings) if part.name in _WANTED}, around)
        for name in _WANTED:
            await stores.start(name)
        await asyncio.to_thread(run_migrations, settings.database_direct_url)
        with psycopg.connect(stores.database_url, autocommit=True) as connection:
            connection.execute(_TABLES)
        return stores

    @property
    def database_url(self) -> str:
        """Without the pooler, so that looking on does not meet the fault of the pooler."""
        return self.around.env["DATABASE_DIRECT_URL"]

    @property
    def redis_url(self) -> str:
        return self.around.env["REDIS_URL"]

    def environ(self) -> dict[str, str]:
        """The environment of a process that is to use these stores."""
        return clean_environ(**self.around.env, PYTHONUNBUFFERED="1")

    async def start(self, name: str) -> None:
        """Start one store, and come back when it works."""
        part = self.parts[name]
        await part.prepare()
        process = Process.spawn(
            part.command,
            self.home.log(name),
            account=self.around.account if part.unprivileged else None,
            stop_signal=part.stop_signal,
        )
        self.processes[name] = process
        deadline = time.monotonic() + _READY_S
        while True:
            try:
                await part.probe()
                await part.settle()
                return
            except (NotReady, OSError) as reason:
                if process.exited.is_set() or time.monotonic() > deadline:
                    raise RuntimeError(f"{name} does not start: {reason}") from reason
                await asyncio.sleep(0.05)

    async def end(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one store, and come back when the whole of it is gone."""
        process = self.processes[name]
        os.kill(process.pid, number)
        async with asyncio.timeout(_END_S):
            await process.exited.wait()
        await process.end_group()
        # Not before: what does not end is ended with the suite.
        del self.processes[name]

    async def restart(self, name: str, number: signal.Signals, *, away_s: float = 0.0) -> None:
        """End one store by a signal, leave it away for a while, and start it again."""
        await self.end(name, number)
        await asyncio.sleep(away_s)
        await self.start(name)

    def empty_valkey(self) -> None:
        """Take everything from Valkey: jobs, caches, its scripts' keys."""
        with Redis.from_url(self.redis_url) as client:
            client.flushall()

    async def close(self) -> None:
        """End what runs, the pooler first."""
        for name in reversed(_WANTED):
            if name in self.processes:
                await self.processes[name].end(self.parts[name].grace_s)
