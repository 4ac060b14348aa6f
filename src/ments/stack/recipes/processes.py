"""The app's own processes: migrations, API, workers, relay. Each is `python -m ments ...` with the settings in its environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from ments.stack.model import Command


def app_command(folder: Path, environ: Mapping[str, str], *words: str) -> Command:
    """`ments WORDS` with this interpreter. Pure; `environ` is the process' whole environment."""
    return Command((sys.executable, "-m", "ments", *words), folder, dict(environ))


def migrate_command(folder: Path, environ: Mapping[str, str]) -> Command:
    return app_command(folder, environ, "migrate")


def api_command(folder: Path, environ: Mapping[str, str]) -> Command:
    return app_command(folder, environ, "api")


def worker_command(folder: Path, environ: Mapping[str, str], queue: str) -> Command:
    return app_command(folder, environ, "worker", "--queues", queue)


def relay_command(folder: Path, environ: Mapping[str, str]) -> Command:
    return app_command(folder, environ, "relay")
