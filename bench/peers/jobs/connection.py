"""How the plain programs connect and what options their jobs have."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

# What our own jobs carry, so that Valkey does the same work.
JOB_OPTIONS: dict[str, Any] = {
    "attempts": 3,
    "backoff": {"type": "exponential", "delay": 2000},
    "removeOnComplete": {"age": 24 * 3600, "count": 5000},
}
DEFAULTS = bool(os.environ.get("BENCH_DEFAULTS"))


def connection() -> dict[str, Any]:
    """The library's `connection`: as it comes, or (set right) without redis-py's timeout of 5 s."""
    url = urlsplit(os.environ["BENCH_REDIS_URL"])
    found: dict[str, Any] = {
        "host": url.hostname,
        "port": url.port,
        "password": url.password,
        "db": int(url.path.strip("/") or 0),
    }
    return found if DEFAULTS else {**found, "socket_timeout": None}
