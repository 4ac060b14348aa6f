"""Postgres: a primary and streaming replicas, on loopback ports, with passwords kept as SCRAM."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ments.stack.account import Account, own_folder
from ments.stack.home import write_whole
from ments.stack.model import Command
from ments.stack.process import run_tool

DATABASE = "ments"
ROLE = "ments"
REPLICATION_ROLE = "ments_replication"
# For the app's ordinary queries; migrations lift them in their own URL.
ROLE_LIMITS = {"statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s"}
_TOOL_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """One data folder and how it is reached."""

    name: str
    programs: Path
    data: Path
    run: Path
    port: int
    superuser_password: str
    replication_password: str
    account: Account | None

    @property
    def superuser_url(self) -> str:
        return f"postgresql://postgres:{self.superuser_password}@127.0.0.1:{self.port}/postgres"

    def command(self) -> Command:
        return Command(
            (str(self.programs / "postgres"), f"--config-file={self.run / f'{self.name}.conf'}"), self.run, tool_env()
        )


def render_conf(cluster: Cluster, *, primary: Cluster | None = None) -> str:
    """The whole postgresql.conf of a primary, or (`primary` given) of a replica of it. Pure.

    Small on purpose: the whole stack shares one machine. All traffic is on loopback, so there is no TLS.
    """
    lines = {
        "data_directory": f"'{cluster.data}'",
        "hba_file": f"'{cluster.data}/pg_hba.conf'",
        "ident_file": f"'{cluster.data}/pg_ident.conf'",
        "listen_addresses": "'127.0.0.1'",
        "port": str(cluster.port),
        "unix_socket_directories": "''",  # paths of sockets may have 107 characters, homes have more
        "max_connections": "100",
        "shared_buffers": "64MB",
        "io_method": "sync",  # three I/O workers a server would be idle here
        "jit": "off",
        # No disk turns: by default a page out of turn counts as four, and pages of a list are read whole, then sorted.
        "random_page_cost": "1.1",
        "wal_level": "replica",
        "max_wal_senders": "8",
        "max_replication_slots": "8",
        "max_slot_wal_keep_size": "1GB",  # a replica that stays away must not fill the disk
        "max_wal_size": "512MB",
        "min_wal_size": "80MB",
        "hot_standby": "on",
        "hot_standby_feedback": "on",
        "shared_preload_libraries": "'pg_stat_statements'",
        "track_io_timing": "on",
        "log_checkpoints": "off",
        "log_min_duration_statement": "1s",
        "log_line_prefix": "'%m [%p] %q%u@%d '",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
    }
    if primary:
        lines |= {
            "primary_conninfo": (
                f"'host=127.0.0.1 port={primary.port} user={REPLICATION_ROLE} "
                f"passfile={cluster.run}/pgpass application_name={cluster.name}'"
            ),
            "primary_slot_name": f"'{cluster.name}'",
        }
    return "".join(f"{name} = {value}\n" for name, value in lines.items())


def initdb_command(cluster: Cluster, into: Path, password_file: Path) -> Command:
    """Create an empty cluster: UTF-8, the builtin provider's C.UTF-8 (no library's collation can change under us). Pure."""
    argv = (
        str(cluster.programs / "initdb"),
        f"--pgdata={into}",
        "--username=postgres",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-instructions",
    )
    return Command(argv, cluster.run, tool_env())


def basebackup_command(replica: Cluster, primary: Cluster, into: Path) -> Command:
    """Copy the primary into an empty folder, over the slot that the replica will go on with. Pure."""
    argv = (
        str(replica.programs / "pg_basebackup"),
        "--host=127.0.0.1",
        f"--port={primary.port}",
        f"--username={REPLICATION_ROLE}",
        "--no-password",
        f"--pgdata={into}",
        "--wal-method=stream",
        "--checkpoint=fast",
        f"--slot={replica.name}",
    )
    return Command(argv, replica.run, {**tool_env(), "PGPASSFILE": f"{replica.run}/pgpass"})


def tool_env() -> dict[str, str]:
    """Nothing of the caller's environment: PGDATA or PGHOST there would lead Postgres' programs astray. Pure."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


async def prepare_primary(cluster: Cluster, log: Path) -> None:
    """Make the data folder at the first start, and write the configuration at each."""
    _write_run(cluster, render_conf(cluster))
    if (cluster.data / "PG_VERSION").exists():
        return
    fresh = _empty(cluster)
    password_file = cluster.run / "superuser-password"
    write_whole(password_file, cluster.superuser_password, mode=0o600, owner=_owner(cluster))
    try:
        command = initdb_command(cluster, fresh, password_file)
        await run_tool(command, log, account=cluster.account, limit_s=_TOOL_LIMIT_S, what="initdb")
    finally:
        password_file.unlink()
    fresh.rename(cluster.data)


async def prepare_replica(replica: Cluster, primary: Cluster, log: Path, *, slot_is_usable: bool) -> None:
    """Copy the primary when there is no replica yet, or its slot has lost what the replica would need."""
    _write_run(replica, render_conf(replica, primary=primary))
    if (replica.data / "PG_VERSION").exists() and slot_is_usable:
        return
    if replica.data.exists():
        shutil.rmtree(replica.data)
    fresh = _empty(replica)
    command = basebackup_command(replica, primary, fresh)
    await run_tool(command, log, account=replica.account, limit_s=_TOOL_LIMIT_S, what="pg_basebackup")
    write_whole(fresh / "standby.signal", "", mode=0o600, owner=_owner(replica))
    fresh.rename(replica.data)


def _write_run(cluster: Cluster, conf: str) -> None:
    own_folder(cluster.run, cluster.account)
    write_whole(cluster.run / f"{cluster.name}.conf", conf, mode=0o600, owner=_owner(cluster))
    # host:port:database:user:password; the port is the primary's, whichever that is
    pgpass = f"127.0.0.1:*:*:{REPLICATION_ROLE}:{cluster.replication_password}\n"
    write_whole(cluster.run / "pgpass", pgpass, mode=0o600, owner=_owner(cluster))


def _empty(cluster: Cluster) -> Path:
    """A folder beside the data folder: a start that is interrupted leaves no half-made cluster under its name."""
    fresh = cluster.data.with_name(f"{cluster.data.name}.new")
    if fresh.exists():
        shutil.rmtree(fresh)
    return own_folder(fresh, cluster.account)


def _owner(cluster: Cluster) -> tuple[int, int] | None:
    return (cluster.account.uid, cluster.account.gid) if cluster.account else None
