"""What a fresh Postgres is given: the app's role and database, the replication role, and the replicas' slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from ments.stack.recipes.postgres import DATABASE, REPLICATION_ROLE, ROLE, ROLE_LIMITS, Cluster


async def settle_primary(cluster: Cluster, app_password: str, replicas: Sequence[str]) -> None:
    """Create what is missing and set passwords and limits anew; running it again changes nothing.

    The app's role is no superuser; it owns its database, and may read the statistics views.
    """
    async with await psycopg.AsyncConnection.connect(cluster.superuser_url, autocommit=True) as admin:
        for role, options, password in (
            (ROLE, "login", app_password),
            (REPLICATION_ROLE, "login replication", cluster.replication_password),
        ):
            verb = "alter" if await _there(admin, "pg_roles", "rolname", role) else "create"
            await admin.execute(
                sql.SQL(f"{verb} role {{}} {options} password {{}}").format(sql.Identifier(role), sql.Literal(password))
            )
        for name, value in ROLE_LIMITS.items():
            # PgBouncer before 1.21 refuses such settings in the connection's start, so the role carries them.
            await admin.execute(
                sql.SQL("alter role {} set {} = {}").format(
                    sql.Identifier(ROLE), sql.Identifier(name), sql.Literal(value)
                )
            )
        await admin.execute(sql.SQL("grant pg_monitor to {}").format(sql.Identifier(ROLE)))
        if not await _there(admin, "pg_database", "datname", DATABASE):
            await admin.execute(
                sql.SQL("create database {} owner {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE))
            )
        await _keep_slots(admin, replicas)
    async with await psycopg.AsyncConnection.connect(cluster.superuser_url, dbname=DATABASE, autocommit=True) as admin:
        await admin.execute("create extension if not exists pg_stat_statements")  # not a trusted one


async def _keep_slots(admin: psycopg.AsyncConnection[Any], replicas: Sequence[str]) -> None:
    """One slot a replica. A slot without a replica would keep WAL for ever; one that lost WAL is made anew."""
    cursor = await admin.execute(
        "select slot_name, wal_status = 'lost' from pg_replication_slots where slot_type = 'physical'"
    )
    slots: dict[str, bool | None] = dict(await cursor.fetchall())
    for name in slots:
        if name not in replicas or slots[name]:
            await admin.execute("select pg_drop_replication_slot(%s)", [name])
    for name in replicas:
        if slots.get(name, True):
            await admin.execute("select pg_create_physical_replication_slot(%s)", [name])


async def slot_is_usable(primary: Cluster, replica: str) -> bool:
    """Tell whether the slot has ever been used: one made just now knows nothing of the replica's past."""
    async with await psycopg.AsyncConnection.connect(primary.superuser_url, autocommit=True) as admin:
        cursor = await admin.execute(
            "select restart_lsn is not null from pg_replication_slots where slot_name = %s", [replica]
        )
        row = await cursor.fetchone()
    return bool(row and row[0])


async def _there(admin: psycopg.AsyncConnection[Any], catalog: str, column: str, name: str) -> bool:
    query = sql.SQL("select 1 from {} where {} = %s").format(sql.Identifier(catalog), sql.Identifier(column))
    return await (await admin.execute(query, [name])).fetchone() is not None
