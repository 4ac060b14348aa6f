"""The ranked feed over HTTP: a new ranking on demand, and why a post is in it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from ments.accounts.model import Viewer
from ments.feeds.rank_model import Why
from ments.feeds.rank_read import ask_for_ranking, read_why
from ments.parts import Parts


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Whether a ranking is being made: true also when it was asked for a moment ago."""

    ranking: bool = True


@post("/api/feed/refresh", status_code=202, summary="Rank the feed anew", tags=["feeds"], limit="refreshes")
async def refresh(parts: NamedDependency[Parts], member: NamedDependency[Viewer]) -> Refreshed:
    """Have the member's feed ranked anew, by a job: within a second or so `GET /api/feed` begins with it."""
    await ask_for_ranking(parts, member.id)
    return Refreshed()


@get("/api/feed/why", summary="Say why a post is shown", tags=["feeds"])
async def why(parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromQuery[UUID]) -> Why:
    """Answer with what the member's ranking put the post where it is for; 404 for a post that they may not see."""
    return await read_why(parts, member, post_id)


ROUTES = [refresh, why]
