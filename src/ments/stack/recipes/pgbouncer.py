"""PgBouncer: transaction pooling before the primary and, under names of their own, before the replicas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ments.stack.account import Account, own_folder
from ments.stack.home import write_whole
from ments.stack.model import Command
from ments.stack.recipes.postgres import DATABASE, ROLE, tool_env


@dataclass(frozen=True, slots=True)
class Pooler:
    """replica_ports  name of a replica -> its port; reached as the database of that name"""

    program: Path
    run: Path
    port: int
    primary_port: int
    replica_ports: Mapping[str, int]
    password: str
    account: Account | None

    def command(self) -> Command:
        return Command((str(self.program), str(self.run / "pgbouncer.ini")), self.run, tool_env())


def render_ini(pooler: Pooler) -> str:
    """pgbouncer.ini. Pure.

    `*` lets databases that tests create be reached too. server_login_retry: after one refused connection it would keep
    everybody waiting for 15 s, while a Postgres that restarts is back within one.
    """
    replicas = "".join(
        f"{name} = host=127.0.0.1 port={port} dbname={DATABASE}\n" for name, port in pooler.replica_ports.items()
    )
    return f"""[databases]
{replicas}* = host=127.0.0.1 port={pooler.primary_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {pooler.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {pooler.run}/users.txt
pool_mode = transaction
max_client_conn = 500
default_pool_size = 20
query_wait_timeout = 10
server_login_retry = 1
server_idle_timeout = 60
ignore_startup_parameters = extra_float_digits
stats_users = {ROLE}
log_connections = 0
log_disconnections = 0
log_stats = 0
"""


async def prepare_pooler(pooler: Pooler) -> None:
    """Write the configuration; the password file is plain, as PgBouncer needs it to sign in to Postgres."""
    owner = (pooler.account.uid, pooler.account.gid) if pooler.account else None
    own_folder(pooler.run, pooler.account)
    write_whole(pooler.run / "users.txt", f'"{ROLE}" "{pooler.password}"\n', mode=0o600, owner=owner)
    write_whole(pooler.run / "pgbouncer.ini", render_ini(pooler), mode=0o600, owner=owner)
