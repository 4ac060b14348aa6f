"""What accounts have done by the clock."""

from __future__ import annotations

import structlog

from ments.accounts import store
from ments.jobs import periodic
from ments.parts import Parts

log = structlog.get_logger()


@periodic(every_s=3600, name="accounts.end_sessions")
async def end_sessions(parts: Parts) -> None:
    """Delete sessions and links that are over."""
    async with parts.primary.transaction() as tx:
        ended = await store.delete_expired_sessions(tx)
    log.info("sessions_ended", sessions=ended)


PERIODIC = [end_sessions]
