"""The parts that keep data: Postgres and its replicas, the pooler before them, Valkey, the storage."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from ments.settings import Settings
from ments.stack.model import Part
from ments.stack.probes import postgres_answers, valkey_answers
from ments.stack.recipes import nginx, pgbouncer, postgres, roles, seaweedfs, valkey
from ments.stack.surroundings import StopStage, Surroundings
from ments.storage.notification import render_notification_toml


def store_parts(around: Surroundings, settings: Settings) -> Iterable[Part]:
    """Those that are started here; a part whose URL was given is not."""
    if around.places.database:
        yield from _database(around)
    if around.places.pooler:
        yield _pooler(around)
    if around.places.valkey:
        yield _valkey(around)
    if around.places.storage:
        yield _storage(around, settings)


def cluster(around: Surroundings, name: str) -> postgres.Cluster:
    """The Postgres of that name: `postgres`, `replica1`, ..."""
    return postgres.Cluster(
        name=name,
        programs=around.programs.postgres,
        data=around.home.data(name),
        run=around.run(name),
        port=around.ports[name],
        superuser_password=around.secrets["POSTGRES_SUPERUSER_PASSWORD"],
        replication_password=around.secrets["POSTGRES_REPLICATION_PASSWORD"],
        account=around.account,
    )


def _database(around: Surroundings) -> Iterable[Part]:
    primary = cluster(around, "postgres")
    yield Part(
        name="postgres",
        kind="postgres",
        command=primary.command(),
        prepare=partial(postgres.prepare_primary, primary, around.home.log("postgres")),
        probe=partial(postgres_answers, primary.superuser_url),
        settle=partial(roles.settle_primary, primary, around.secrets["POSTGRES_PASSWORD"], around.replicas),
        stop_stage=StopStage.STORES,
        stop_signal=signal.SIGINT,  # its "fast" shutdown; SIGTERM would wait for every client to leave
        grace_s=6.0,
        ready_s=60.0,
        url=f"postgresql://127.0.0.1:{primary.port}/{postgres.DATABASE}",
        unprivileged=True,
    )
    for name in around.replicas:
        replica = cluster(around, name)
        yield Part(
            name=name,
            kind="replica",
            command=replica.command(),
            needs=("postgres",),
            prepare=partial(_prepare_replica, replica, primary, around.home.log(name)),
            probe=partial(_replica_streams, replica, primary),
            stop_stage=StopStage.REPLICAS,
            stop_signal=signal.SIGINT,
            grace_s=4.0,
            ready_s=60.0,
            url=f"postgresql://127.0.0.1:{replica.port}/{postgres.DATABASE}",
            unprivileged=True,
        )


async def _prepare_replica(replica: postgres.Cluster, primary: postgres.Cluster, log: Path) -> None:
    usable = await roles.slot_is_usable(primary, replica.name)
    await postgres.prepare_replica(replica, primary, log, slot_is_usable=usable)


async def _replica_streams(replica: postgres.Cluster, primary: postgres.Cluster) -> None:
    await postgres_answers(replica.superuser_url, "select pg_is_in_recovery()")
    await postgres_answers(
        primary.superuser_url,
        "select exists (select from pg_stat_replication where state = 'streaming' and application_name = %s)",
        replica.name,
    )


def _pooler(around: Surroundings) -> Part:
    pooler = pgbouncer.Pooler(
        program=around.programs.pgbouncer,
        run=around.run("pgbouncer"),
        port=around.ports["pgbouncer"],
        primary_port=around.ports["postgres"],
        replica_ports={name: around.ports[name] for name in around.replicas},
        password=around.secrets["POSTGRES_PASSWORD"],
        account=around.account,
    )
    return Part(
        name="pgbouncer",
        kind="pgbouncer",
        command=pooler.command(),
        needs=("postgres",),
        prepare=partial(pgbouncer.prepare_pooler, pooler),
        probe=partial(postgres_answers, around.env["DATABASE_URL"]),
        stop_stage=StopStage.POOLER,
        stop_signal=signal.SIGTERM,
        grace_s=2.0,
        url=f"postgresql://127.0.0.1:{pooler.port}/{postgres.DATABASE}",
        unprivileged=True,
    )


def _valkey(around: Surroundings) -> Part:
    server = valkey.Valkey(
        program=around.programs.valkey,
        data=around.home.data("valkey"),
        run=around.run("valkey"),
        port=around.ports["valkey"],
        password=around.secrets["VALKEY_PASSWORD"],
    )
    return Part(
        name="valkey",
        kind="valkey",
        command=server.command(),
        prepare=partial(valkey.prepare_valkey, server),
        probe=partial(valkey_answers, server.port, server.password),
        stop_stage=StopStage.STORES,
        grace_s=4.0,
        url=f"redis://127.0.0.1:{server.port}/0",
    )


def _storage(around: Surroundings, settings: Settings) -> Part:
    storage = seaweedfs.Storage(
        program=around.programs.storage,
        data=around.home.data("storage"),
        run=around.run("storage"),
        ports={name: around.ports[name] for name in seaweedfs.PORTS},
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        access_key=settings.aws_access_key_id,
        secret_key=settings.aws_secret_access_key,
        notification_toml=render_notification_toml(
            # By the edge, which waits for an API that restarts: SeaweedFS asks once and forgets.
            f"{nginx.local_address(settings.bind, settings.port)}/api/webhooks/storage",
            settings.secret_for("storage-webhook"),
            settings.s3_bucket,
        ),
    )
    return Part(
        name="storage",
        kind="storage",
        command=storage.command(),
        prepare=partial(seaweedfs.prepare_storage, storage),
        probe=partial(seaweedfs.storage_works, storage),
        stop_stage=StopStage.POOLER,  # nobody uses it once API and workers are gone, and it is the slowest to end
        # The volumes are closed at once; then its filer waits for streams of its own that never end.
        grace_s=2.0,
        ready_s=60.0,
        url=storage.url,
        leaves=storage.sockets,
    )
