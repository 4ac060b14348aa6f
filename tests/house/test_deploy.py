"""The image's recipe lints, and the compose file resolves, without a container engine."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
NEEDED = [
    "SECRET_KEY",
    "MEDIA_SIGNING_KEYS",
    "POSTGRES_PASSWORD",
    "REPLICATION_PASSWORD",
    "REDIS_PASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
]


def compose_config(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "docker-compose"), "-f", "deploy/compose.yaml", "config", "--format", "json"]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30, check=False)


def test_dockerfile_lints() -> None:
    done = subprocess.run(
        [str(BIN / "hadolint"), "Dockerfile"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    assert done.returncode == 0


def test_compose_holds_every_part() -> None:
    environ = {"PATH": os.environ["PATH"], **dict.fromkeys(NEEDED, "x" * 40)}
    done = compose_config(environ)
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert {
        "edge",
        "api",
        "pgbouncer",
        "postgres",
        "replica",
        "valkey",
        "storage",
        "worker-media",
        "worker-default",
        "relay",
    } <= set(services)
    published = {name for name, service in services.items() if service.get("ports")}
    assert published == {"edge"}


def test_compose_refuses_to_start_without_secrets() -> None:
    done = compose_config({"PATH": os.environ["PATH"]})
    assert done.stdout == ""
    assert any(f"required variable {name} is missing" in done.stderr for name in NEEDED)
