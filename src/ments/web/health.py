"""Is this process alive, and does every part behind it answer?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from litestar import Response, get
from litestar.di import NamedDependency

from ments.parts import Parts

log = structlog.get_logger()
Probe = Callable[[], Awaitable[object]]
PROBE_TIMEOUT_S = 2.0
KEPT_S = 1.0


class Readiness:
    """The state of the parts, asked anew at most once in KEPT_S however many ask."""

    def __init__(self, probes: dict[str, Probe]) -> None:
        self._probes = probes
        self._lock = asyncio.Lock()
        self._known: dict[str, str] = {}
        self._asked_at = float("-inf")

    async def parts(self) -> dict[str, str]:
        """Return name -> "ok", or in words what is wrong; takes PROBE_TIMEOUT_S at most, all parts at once."""
        async with self._lock:
            if time.monotonic() - self._asked_at >= KEPT_S:
                states = await asyncio.gather(*(_state(name, probe) for name, probe in self._probes.items()))
                self._known = dict(zip(self._probes, states, strict=True))
                self._asked_at = time.monotonic()
            return self._known


async def _state(name: str, probe: Probe) -> str:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            await probe()
    except TimeoutError:
        return f"no answer within {PROBE_TIMEOUT_S:g} s"
    except Exception as error:
        # Any failure means "not ready"; its text may hold an address, so only the log gets it.
        log.warning("probe_failed", part=name, error=repr(error))
        return "does not answer"
    return "ok"


def probes_of(parts: Parts) -> dict[str, Probe]:
    """List what a request needs: the database through the pooler, the replicas, Valkey, the storage."""
    return {
        "database": parts.primary.ping,
        "replica": parts.replica.ping,
        "valkey": parts.valkey.ping,
        "storage": parts.bucket.ping,
    }


@get("/api/health", summary="Is the process alive?", tags=["health"])
async def health() -> dict[str, str]:
    """Answer without asking any part."""
    return {"status": "ok", "timestamp": datetime.now(UTC).isoformat()}


@get("/api/ready", summary="Do all parts answer?", tags=["health"])
async def ready(readiness: NamedDependency[Readiness]) -> Response[dict[str, Any]]:
    """Answer 200 when every part is ok, else 503, and name each."""
    parts = await readiness.parts()
    all_ok = all(state == "ok" for state in parts.values())
    return Response(
        content={"ready": all_ok, "parts": parts},
        status_code=200 if all_ok else 503,
        headers={} if all_ok else {"Retry-After": "1"},
    )


ROUTES = [health, ready]
