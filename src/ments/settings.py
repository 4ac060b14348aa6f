"""Settings: one frozen object, read once where a process starts, passed down from there.

`SETTINGS` is the whole list of environment variables; `.env.example` is checked against it by a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ments.derived_keys import derive_key
from ments.errors import MentsError
from ments.weights import DEFAULT_WEIGHTS, WEIGHTS, Experiment, parse_experiments, parse_weights

MIB = 1024 * 1024
Parsed = TypeVar("Parsed")


class SettingsError(MentsError):
    """A setting is missing or cannot be read; `safe` names it and says what to write."""

    code = "settings"


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its name, its default as text ('' is unset), and what it is for."""

    name: str
    default: str
    meaning: str
    secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("MENTS_HOME", ".ments", "Folder of the local stack: data, sockets, logs, generated secrets."),
    Setting("MENTS_PORT", "8080", "The one fixed port, the edge's."),
    Setting("MENTS_BIND", "127.0.0.1", "Address the edge listens on; 0.0.0.0 opens it to the network."),
    Setting(
        "PUBLIC_URL",
        "",
        "Where people reach ments, for example https://ments.example; empty: http://127.0.0.1:MENTS_PORT.",
    ),
    Setting("DATABASE_URL", "", "Postgres through the pooler, for every ordinary query."),
    Setting("DATABASE_DIRECT_URL", "", "Postgres without the pooler, for migrations; empty: DATABASE_URL."),
    Setting("DATABASE_REPLICA_URLS", "", "Read replicas, separated by commas; empty: reads go to the primary."),
    Setting("REDIS_URL", "", "Valkey or Redis, for caches and jobs."),
    Setting("S3_ENDPOINT_URL", "", "The S3 API as this machine reaches it."),
    Setting(
        "S3_PUBLIC_ENDPOINT_URL", "", "The S3 API as browsers reach it; empty: through the edge, under /S3_BUCKET/."
    ),
    Setting("S3_BUCKET", "ments-media", "The private bucket for originals and renditions."),
    Setting("S3_REGION", "us-east-1", "The region that signatures name."),
    Setting("AWS_ACCESS_KEY_ID", "", "Access key for the bucket."),
    Setting("AWS_SECRET_ACCESS_KEY", "", "Secret key for the bucket.", secret=True),
    Setting("CDN_URL", "", "Prefix of media URLs, for example https://cdn.ments.example; empty: same host."),
    Setting(
        "MEDIA_SIGNING_KEYS",
        "",
        "Keys that sign private media URLs, newest first, separated by commas; at most two.",
        secret=True,
    ),
    Setting("SECRET_KEY", "", "Root of every derived key; at least 32 characters.", secret=True),
    Setting(
        "ADMIN_EMAILS", "", "Accounts registered with one of these addresses become operators, separated by commas."
    ),
    Setting("SMTP_URL", "", "Where mail goes out; empty: no mail is sent."),
    Setting("SENTRY_DSN", "", "Turns on error reports in every process.", secret=True),
    Setting("OTEL_EXPORTER_OTLP_ENDPOINT", "", "Turns on traces in every process (OTLP over HTTP)."),
    Setting("MENTS_ENVIRONMENT", "local", "Name of the deployment in error reports and traces."),
    Setting("MENTS_LOG_FORMAT", "json", "json, or console for people."),
    Setting("MENTS_METRICS_PORT", "0", "Port of /metrics for this process, on loopback; 0: none."),
    Setting("MENTS_API_BIND", "127.0.0.1", "Address the API listens on; only the edge should reach it."),
    Setting("MENTS_API_PORT", "8000", "Port the API listens on."),
    Setting("MENTS_API_URL", "", "Where the edge finds the API; empty: http://MENTS_API_BIND:MENTS_API_PORT."),
    Setting("MENTS_API_WORKERS", "2", "API processes."),
    Setting("MENTS_MEDIA_CONCURRENCY", "1", "Jobs that make media playable which one worker process runs at once."),
    Setting(
        "MENTS_LADDER_CONCURRENCY",
        "1",
        "Jobs that make better sizes of media which one media worker runs beside those; 0: it leaves them to others.",
    ),
    Setting("MENTS_DEFAULT_CONCURRENCY", "8", "Light jobs that one worker process runs at once."),
    Setting(
        "MENTS_MEDIA_WAITING_MAX",
        "500",
        "Media jobs that may wait before new uploads are refused for a while; 0: no bound.",
    ),
    Setting(
        "MENTS_MEDIA_WAIT_MAX_S",
        "3600",
        "Seconds that a media job may wait before new uploads are refused for a while; 0: no bound.",
    ),
    Setting(
        "MENTS_LADDER_WAITING_MAX",
        "5000",
        "Pieces of better sizes that may wait before new uploads are refused for a while; 0: no bound.",
    ),
    Setting(
        "MENTS_MEDIA_CHUNK_S",
        "64",
        "Films of nearly twice these seconds and more are cut into chunks that any worker takes; a multiple of 8.",
    ),
    Setting(
        "MENTS_ANSWER_KEPT_S", "1", "Seconds for which a session gets the same answer again; 0: each is made anew."
    ),
    Setting(
        "MENTS_FEED_WEIGHTS",
        DEFAULT_WEIGHTS,
        "What each feature counts for in the ranked feed, 0 to 1; those left out count as here.",
    ),
    Setting(
        "MENTS_FEED_EXPERIMENTS",
        "",
        "Rankings to compare, as name: variant=share | variant=share feature=weight,...; several with a semicolon between.",
    ),
    Setting(
        "MENTS_FANOUT_MAX",
        "5000",
        "Followers up to which a post is pushed into each follower's home feed; above, the feeds pull it when they are read.",
    ),
    Setting("MENTS_UPLOAD_VIDEO_MAX_BYTES", str(2048 * MIB), "Largest video or sound upload, in bytes."),
    Setting("MENTS_UPLOAD_IMAGE_MAX_BYTES", "50000000", "Largest image upload, in bytes."),
    Setting("MENTS_UPLOAD_PART_BYTES", str(16 * MIB), "Size of one part of a large upload, in bytes."),
    Setting("MENTS_FFMPEG_BIN", "", "ffmpeg to run; empty: the pinned package's."),
    Setting("MENTS_BWRAP_BIN", "", "bubblewrap to run; empty: /usr/bin/bwrap."),
    Setting("MENTS_POSTGRES_BIN", "", "Folder of Postgres' programs; empty: the pinned package's."),
    Setting("MENTS_PGBOUNCER_BIN", "", "PgBouncer to run; empty: /usr/sbin/pgbouncer."),
    Setting("MENTS_VALKEY_BIN", "", "valkey-server to run; empty: the pinned package's."),
    Setting("MENTS_STORAGE_BIN", "", "SeaweedFS (weed) to run; empty: the pinned package's."),
    Setting("MENTS_EDGE_BIN", "", "nginx to run; empty: the pinned package's."),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a running process knows about its surroundings. Sizes in bytes, times in seconds."""

    home: Path
    port: int
    bind: str
    public_url: str
    database_url: str
    database_direct_url: str
    database_replica_urls: tuple[str, ...]
    redis_url: str
    s3_endpoint_url: str
    s3_public_endpoint_url: str
    s3_bucket: str
    s3_region: str
    aws_access_key_id: str
    aws_secret_access_key: str
    cdn_url: str
    media_signing_keys: tuple[str, ...]
    secret_key: str
    admin_emails: frozenset[str]
    smtp_url: str
    sentry_dsn: str
    otlp_endpoint: str
    environment: str
    log_format: str
    metrics_port: int
    api_bind: str
    api_port: int
    api_address: str
    api_workers: int
    media_concurrency: int
    ladder_concurrency: int
    default_concurrency: int
    media_waiting_max: int
    media_wait_max_s: int
    ladder_waiting_max: int
    media_chunk_s: int
    answer_kept_s: int
    fanout_max: int
    feed_weights: Mapping[str, float]
    feed_experiments: tuple[Experiment, ...]
    upload_video_max_bytes: int
    upload_image_max_bytes: int
    upload_part_bytes: int
    ffmpeg_bin: str
    bwrap_bin: str

    def secret_for(self, purpose: str) -> str:
        """Derive a key for one purpose from SECRET_KEY; 64 hex digits, stable across processes."""
        return derive_key(self.secret_key, purpose)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings of a process that needs every part (API, worker, relay, CLI).

    environ  the environment; what it lacks is taken from `{MENTS_HOME}/run/env`, if that can be read

    Raises SettingsError, naming the variable, when one is missing or malformed.
    """
    home = Path(environ.get("MENTS_HOME") or _BY_NAME["MENTS_HOME"].default).absolute()
    merged = {**read_env_file(home / "run" / "env"), **{k: v for k, v in environ.items() if v}}

    def text(name: str) -> str:
        return merged.get(name) or _BY_NAME[name].default

    def needed(name: str) -> str:
        value = text(name)
        if not value:
            raise SettingsError(
                f"{name} is not set ({_BY_NAME[name].meaning}) Start the stack with `ments up`, or set it."
            )
        return value

    def number(name: str) -> int:
        try:
            return int(text(name))
        except ValueError:
            raise SettingsError(f"{name} must be a whole number, not {text(name)!r}.") from None

    def eights(name: str) -> int:
        value = number(name)
        if value < 8 or value % 8:
            raise SettingsError(f"{name} must be a multiple of 8, 8 or more, not {value}.")
        return value

    def parsed(name: str, parse: Callable[[str], Parsed]) -> Parsed:
        try:
            return parse(text(name))
        except ValueError as error:
            raise SettingsError(f"{name}: {error}.") from None

    def items(name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in text(name).split(",") if part.strip())

    secret_key = needed("SECRET_KEY")
    if len(secret_key) < 32:
        raise SettingsError("SECRET_KEY must have at least 32 characters; `openssl rand -hex 32` makes one.")
    signing_keys = items("MEDIA_SIGNING_KEYS")
    if not 1 <= len(signing_keys) <= 2:
        raise SettingsError("MEDIA_SIGNING_KEYS must hold one or two keys, separated by a comma.")
    database_url = needed("DATABASE_URL")
    port = number("MENTS_PORT")
    return Settings(
        home=home,
        port=port,
        bind=text("MENTS_BIND"),
        public_url=(text("PUBLIC_URL") or f"http://127.0.0.1:{port}").rstrip("/"),
        database_url=database_url,
        database_direct_url=text("DATABASE_DIRECT_URL") or database_url,
        database_replica_urls=items("DATABASE_REPLICA_URLS"),
        redis_url=needed("REDIS_URL"),
        s3_endpoint_url=needed("S3_ENDPOINT_URL").rstrip("/"),
        s3_public_endpoint_url=text("S3_PUBLIC_ENDPOINT_URL").rstrip("/"),
        s3_bucket=text("S3_BUCKET"),
        s3_region=text("S3_REGION"),
        aws_access_key_id=needed("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=needed("AWS_SECRET_ACCESS_KEY"),
        cdn_url=text("CDN_URL").rstrip("/"),
        media_signing_keys=signing_keys,
        secret_key=secret_key,
        admin_emails=frozenset(email.lower() for email in items("ADMIN_EMAILS")),
        smtp_url=text("SMTP_URL"),
        sentry_dsn=text("SENTRY_DSN"),
        otlp_endpoint=text("OTEL_EXPORTER_OTLP_ENDPOINT"),
        environment=text("MENTS_ENVIRONMENT"),
        log_format=text("MENTS_LOG_FORMAT"),
        metrics_port=number("MENTS_METRICS_PORT"),
        api_bind=text("MENTS_API_BIND"),
        api_port=number("MENTS_API_PORT"),
        api_address=text("MENTS_API_URL").removeprefix("http://").rstrip("/")
        or f"{text('MENTS_API_BIND')}:{number('MENTS_API_PORT')}",
        api_workers=number("MENTS_API_WORKERS"),
        media_concurrency=number("MENTS_MEDIA_CONCURRENCY"),
        ladder_concurrency=number("MENTS_LADDER_CONCURRENCY"),
        default_concurrency=number("MENTS_DEFAULT_CONCURRENCY"),
        media_waiting_max=number("MENTS_MEDIA_WAITING_MAX"),
        media_wait_max_s=number("MENTS_MEDIA_WAIT_MAX_S"),
        ladder_waiting_max=number("MENTS_LADDER_WAITING_MAX"),
        media_chunk_s=eights("MENTS_MEDIA_CHUNK_S"),
        answer_kept_s=number("MENTS_ANSWER_KEPT_S"),
        fanout_max=number("MENTS_FANOUT_MAX"),
        feed_weights=parsed("MENTS_FEED_WEIGHTS", lambda written: parse_weights(written, known=WEIGHTS)),
        feed_experiments=parsed("MENTS_FEED_EXPERIMENTS", parse_experiments),
        upload_video_max_bytes=number("MENTS_UPLOAD_VIDEO_MAX_BYTES"),
        upload_image_max_bytes=number("MENTS_UPLOAD_IMAGE_MAX_BYTES"),
        upload_part_bytes=number("MENTS_UPLOAD_PART_BYTES"),
        ffmpeg_bin=text("MENTS_FFMPEG_BIN"),
        bwrap_bin=text("MENTS_BWRAP_BIN") or "/usr/bin/bwrap",
    )


def read_env_file(path: Path) -> dict[str, str]:
    """Read NAME=value lines; blank lines and lines that start with # are passed over. {} when unreadable."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}
