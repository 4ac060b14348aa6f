"""What the recipes write and run, compared literally: a changed word here is a changed stack."""

from __future__ import annotations

import json
from pathlib import Path

from ments.stack.account import Account, launcher
from ments.stack.recipes import nginx, pgbouncer, postgres, seaweedfs, valkey

PRIMARY = postgres.Cluster(
    name="postgres",
    programs=Path("/pg/bin"),
    data=Path("/home/data/postgres"),
    run=Path("/home/run/postgres"),
    port=20001,
    superuser_password="super",
    replication_password="repl",
    account=None,
)
REPLICA = postgres.Cluster(
    name="replica1",
    programs=Path("/pg/bin"),
    data=Path("/home/data/replica1"),
    run=Path("/home/run/replica1"),
    port=20002,
    superuser_password="super",
    replication_password="repl",
    account=Account(65534, 65534),
)


def test_postgres_conf() -> None:
    assert postgres.render_conf(PRIMARY) == (
        "data_directory = '/home/data/postgres'\n"
        "hba_file = '/home/data/postgres/pg_hba.conf'\n"
        "ident_file = '/home/data/postgres/pg_ident.conf'\n"
        "listen_addresses = '127.0.0.1'\n"
        "port = 20001\n"
        "unix_socket_directories = ''\n"
        "max_connections = 100\n"
        "shared_buffers = 64MB\n"
        "io_method = sync\n"
        "jit = off\n"
        "random_page_cost = 1.1\n"
        "wal_level = replica\n"
        "max_wal_senders = 8\n"
        "max_replication_slots = 8\n"
        "max_slot_wal_keep_size = 1GB\n"
        "max_wal_size = 512MB\n"
        "min_wal_size = 80MB\n"
        "hot_standby = on\n"
        "hot_standby_feedback = on\n"
        "shared_preload_libraries = 'pg_stat_statements'\n"
        "track_io_timing = on\n"
        "log_checkpoints = off\n"
        "log_min_duration_statement = 1s\n"
        "log_line_prefix = '%m [%p] %q%u@%d '\n"
        "timezone = 'UTC'\n"
        "log_timezone = 'UTC'\n"
    )


def test_a_replica_adds_where_it_streams_from_and_no_password() -> None:
    added = postgres.render_conf(REPLICA, primary=PRIMARY).splitlines()[-2:]
    assert added == [
        "primary_conninfo = 'host=127.0.0.1 port=20001 user=ments_replication "
        "passfile=/home/run/replica1/pgpass application_name=replica1'",
        "primary_slot_name = 'replica1'",
    ]


def test_postgres_commands() -> None:
    clean = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    run = PRIMARY.command()
    assert run.argv == ("/pg/bin/postgres", "--config-file=/home/run/postgres/postgres.conf")
    assert run.env == clean
    assert postgres.initdb_command(PRIMARY, Path("/new"), Path("/pw")).argv == (
        "/pg/bin/initdb",
        "--pgdata=/new",
        "--username=postgres",
        "--pwfile=/pw",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-instructions",
    )
    copy = postgres.basebackup_command(REPLICA, PRIMARY, Path("/new"))
    assert copy.argv == (
        "/pg/bin/pg_basebackup",
        "--host=127.0.0.1",
        "--port=20001",
        "--username=ments_replication",
        "--no-password",
        "--pgdata=/new",
        "--wal-method=stream",
        "--checkpoint=fast",
        "--slot=replica1",
    )
    assert copy.env == {**clean, "PGPASSFILE": "/home/run/replica1/pgpass"}


def test_pgbouncer_ini() -> None:
    pooler = pgbouncer.Pooler(
        program=Path("/usr/sbin/pgbouncer"),
        run=Path("/home/run/pgbouncer"),
        port=20003,
        primary_port=20001,
        replica_ports={"replica1": 20002},
        password="app",
        account=None,
    )
    assert pooler.command().argv == ("/usr/sbin/pgbouncer", "/home/run/pgbouncer/pgbouncer.ini")
    assert pgbouncer.render_ini(pooler) == (
        "[databases]\n"
        "replica1 = host=127.0.0.1 port=20002 dbname=ments\n"
        "* = host=127.0.0.1 port=20001\n"
        "\n"
        "[pgbouncer]\n"
        "listen_addr = 127.0.0.1\n"
        "listen_port = 20003\n"
        "unix_socket_dir =\n"
        "auth_type = scram-sha-256\n"
        "auth_file = /home/run/pgbouncer/users.txt\n"
        "pool_mode = transaction\n"
        "max_client_conn = 500\n"
        "default_pool_size = 20\n"
        "query_wait_timeout = 10\n"
        "server_login_retry = 1\n"
        "server_idle_timeout = 60\n"
        "ignore_startup_parameters = extra_float_digits\n"
        "stats_users = ments\n"
        "log_connections = 0\n"
        "log_disconnections = 0\n"
        "log_stats = 0\n"
    )


def test_valkey_conf() -> None:
    server = valkey.Valkey(Path("/valkey-server"), Path("/home/data/valkey"), Path("/home/run/valkey"), 20004, "secret")
    assert server.command().argv == ("/valkey-server", "/home/run/valkey/valkey.conf")
    assert valkey.render_conf(server) == (
        "bind 127.0.0.1\n"
        "port 20004\n"
        "requirepass secret\n"
        'dir "/home/data/valkey"\n'
        "daemonize no\n"
        "databases 64\n"
        "appendonly yes\n"
        "appendfsync everysec\n"
        'save ""\n'
        "auto-aof-rewrite-min-size 32mb\n"
        "maxmemory 256mb\n"
        "maxmemory-policy noeviction\n"
        "hz 5\n"
    )


STORAGE = seaweedfs.Storage(
    program=Path("/weed"),
    data=Path("/home/data/storage"),
    run=Path("/home/run/storage"),
    ports={name: 20010 + number for number, name in enumerate(seaweedfs.PORTS)},
    bucket="ments-media",
    region="us-east-1",
    access_key="AK",
    secret_key="SK",
    notification_toml="",
)


def test_seaweedfs_command() -> None:
    assert STORAGE.command().argv == (
        "/weed",
        "-logtostderr=true",
        "-v=0",
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-dir=/home/data/storage",
        "-master.port=20012",
        "-master.port.grpc=20013",
        "-master.peers=none",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=256",
        "-volume.port=20014",
        "-volume.port.grpc=20015",
        "-volume.max=200",
        "-volume.preStopSeconds=0",
        "-filer=true",
        "-filer.port=20016",
        "-filer.port.grpc=20017",
        "-filer.disableHttp",
        "-s3=true",
        "-s3.port=20010",
        "-s3.port.grpc=20011",
        "-s3.ip.bind=127.0.0.1",
        "-s3.config=/home/run/storage/s3.json",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    )


def test_seaweedfs_knows_one_identity_and_what_it_leaves_in_tmp() -> None:
    assert json.loads(seaweedfs.render_s3_json(STORAGE)) == {
        "identities": [
            {
                "name": "ments",
                "credentials": [{"accessKey": "AK", "secretKey": "SK"}],
                "actions": ["Admin", "Read", "List", "Tagging", "Write"],
            }
        ]
    }
    assert [str(path) for path in STORAGE.sockets] == [
        "/tmp/seaweedfs-filer-20016.sock",
        "/tmp/seaweedfs-filer-grpc-20017.sock",
        "/tmp/seaweedfs-master-grpc-20013.sock",
        "/tmp/seaweedfs-s3-20010.sock",
        "/tmp/seaweedfs-s3-grpc-20011.sock",
        "/tmp/seaweedfs-volume-grpc-20015.sock",
    ]


def test_no_command_line_shows_a_secret() -> None:
    commands = [PRIMARY.command(), REPLICA.command(), STORAGE.command()]
    commands.append(postgres.basebackup_command(REPLICA, PRIMARY, Path("/new")))
    words = " ".join(word for command in commands for word in command.argv)
    assert not any(secret in words for secret in ("super", "=repl ", "SK", "secret"))


def test_nginx() -> None:
    assert nginx.command(Path("/nginx"), Path("/home/run/edge")).argv == (
        "/nginx",
        "-p",
        "/home/run/edge/",
        "-c",
        "/home/run/edge/nginx.conf",
    )
    assert nginx.worker_user(None) == ""
    assert nginx.worker_user(Account(65534, 65534, "dac_read_search")) == "root root"
    assert nginx.local_address("0.0.0.0", 8080) == "http://127.0.0.1:8080"
    assert nginx.local_address("::", 80) == "http://[::1]:80"
    assert nginx.local_address("192.168.1.5", 8080) == "http://192.168.1.5:8080"


def test_the_words_before_a_command() -> None:
    assert launcher(None, "INT") == ("/usr/bin/setpriv", "--pdeathsig=INT", "--")
    assert launcher(Account(65534, 65534), "TERM") == (
        "/usr/bin/setpriv",
        "--pdeathsig=TERM",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--",
    )
    assert launcher(Account(7, 8, "dac_read_search"), "TERM")[-3:] == (
        "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search",
        "--",
    )
