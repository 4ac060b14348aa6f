"""What readers' pages tell of feeds, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from ments.accounts.model import Viewer
from ments.feeds.events import EventBatch, EventsTaken, FeedEventsSent
from ments.feeds.events_rules import tidy_events
from ments.parts import Parts


@post("/api/feed/events", status_code=202, summary="Tell what was seen", tags=["feeds"], limit="events")
async def take_events(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], data: JSONBody[EventBatch]
) -> EventsTaken:
    """Take a batch of events; they are written by a job, each once by its id, also when a batch is sent twice."""
    events = tidy_events(data.events, datetime.now(UTC))
    if events:
        async with parts.primary.transaction() as tx:
            await parts.outbox.emit(tx, FeedEventsSent(member.id, events))
    return EventsTaken(len(events))


ROUTES = [take_events]
