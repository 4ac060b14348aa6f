"""From a home, its options and the environment to the parts: which run here, on which ports, with which settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ments.settings import SETTINGS
from ments.stack.home import Home
from ments.stack.recipes import seaweedfs
from ments.stack.recipes.postgres import DATABASE, ROLE


@dataclass(frozen=True, slots=True)
class Options:
    """What `ments up` was asked for. `workers`: processes for each queue."""

    home: Home
    port: int
    bind: str
    replicas: int = 1
    workers: int = 1
    pooler: bool = True


@dataclass(frozen=True, slots=True)
class Places:
    """Which kinds of part are started here."""

    database: bool
    pooler: bool
    valkey: bool
    storage: bool


def choose_places(options: Options, environ: Mapping[str, str]) -> Places:
    """A part whose URL is given is not started here. Pure."""
    database = not environ.get("DATABASE_URL")
    return Places(
        database=database,
        pooler=database and options.pooler,
        valkey=not environ.get("REDIS_URL"),
        storage=not environ.get("S3_ENDPOINT_URL"),
    )


def port_names(options: Options) -> list[str]:
    """The ports that a home needs beside the edge's. Pure."""
    return [
        "postgres",
        *(replica_name(n) for n in range(1, options.replicas + 1)),
        "pgbouncer",
        "valkey",
        *seaweedfs.PORTS,
        "api",
        "api-metrics",
        "relay-metrics",
        *(f"worker-{queue}-{n}-metrics" for queue in QUEUES for n in range(1, options.workers + 1)),
    ]


QUEUES = ("media", "default")


def replica_name(number: int) -> str:
    return f"replica{number}"


def database_urls(ports: Mapping[str, int], password: str, options: Options, places: Places) -> dict[str, str]:
    """The three settings that lead to a local Postgres. Pure."""
    login = f"postgresql://{ROLE}:{password}@127.0.0.1"
    direct = f"{login}:{ports['postgres']}/{DATABASE}"
    names = [replica_name(n) for n in range(1, options.replicas + 1)]
    if places.pooler:
        pooled = f"{login}:{ports['pgbouncer']}/{DATABASE}"
        replicas = [f"{login}:{ports['pgbouncer']}/{name}" for name in names]
    else:
        pooled = direct
        replicas = [f"{login}:{ports[name]}/{DATABASE}" for name in names]
    # A migration may take as long as it needs; the role's limits are for ordinary queries.
    unlimited = "%20".join(f"-c%20{name}%3D0" for name in ("statement_timeout", "idle_in_transaction_session_timeout"))
    return {
        "DATABASE_URL": pooled,
        "DATABASE_DIRECT_URL": f"{direct}?options={unlimited}",
        "DATABASE_REPLICA_URLS": ",".join(replicas),
    }


def run_env(
    options: Options, places: Places, ports: Mapping[str, int], secrets: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment of the app's processes, as `run/env` keeps it. Pure.

    What the caller's environment sets wins; the rest leads to the parts that are started here.
    """
    given = {setting.name: environ[setting.name] for setting in SETTINGS if environ.get(setting.name)}
    given.pop("MENTS_METRICS_PORT", None)  # each process gets its own
    made = {
        "PUBLIC_URL": f"http://127.0.0.1:{options.port}",
        "S3_BUCKET": "ments-media",
        "S3_REGION": "us-east-1",
        "SECRET_KEY": secrets["SECRET_KEY"],
        "MEDIA_SIGNING_KEYS": secrets["MEDIA_SIGNING_KEYS"],
        "MENTS_API_BIND": "127.0.0.1",
        "MENTS_API_PORT": str(ports["api"]),
        "MENTS_API_WORKERS": "2",
    }
    if places.database:
        made |= database_urls(ports, secrets["POSTGRES_PASSWORD"], options, places)
    if places.valkey:
        made["REDIS_URL"] = f"redis://:{secrets['VALKEY_PASSWORD']}@127.0.0.1:{ports['valkey']}/0"
    if places.storage:
        made["S3_ENDPOINT_URL"] = f"http://127.0.0.1:{ports['storage']}"
        made |= {name: secrets[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    fixed = {"MENTS_HOME": str(options.home.root), "MENTS_PORT": str(options.port), "MENTS_BIND": options.bind}
    return {**made, **given, **fixed}


def app_environ(settings_env: Mapping[str, str], metrics_port: int) -> dict[str, str]:
    """The environment of one of the app's processes: the caller's own, with the settings over it."""
    return {**os.environ, **settings_env, "MENTS_METRICS_PORT": str(metrics_port), "PYTHONUNBUFFERED": "1"}


def absent_parts(options: Options, places: Places, environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Kinds that this stack does not run, and why, as `ments status` shows them. Pure; shows no password."""
    away: dict[str, dict[str, str]] = {}
    if not places.database:
        away |= {kind: {"state": "external", "url": ""} for kind in ("postgres", "replica", "pgbouncer")}
    elif not places.pooler:
        away["pgbouncer"] = {"state": "off", "url": ""}
    if places.database and not options.replicas:
        away["replica"] = {"state": "off", "url": ""}
    if not places.valkey:
        away["valkey"] = {"state": "external", "url": ""}
    if not places.storage:
        away["storage"] = {"state": "external", "url": environ.get("S3_ENDPOINT_URL", "")}
    return away


def home_at(path: str | Path) -> Home:
    """The home at a path; relative paths start at the working folder."""
    return Home(Path(path).absolute())
