"""What is trending, over HTTP: for anyone to read, for operators to look into and to overrule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from ments.accounts.model import Viewer
from ments.feeds import trending_look
from ments.feeds.trending_overrides import Act, OverrideLine, override_trending
from ments.feeds.trending_read import read_trending
from ments.parts import Parts


@get("/api/trending", summary="Read what is trending", tags=["feeds"], public=True)
async def trending(
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> Response[bytes]:
    """Answer with `{posts, cursor, has_more, made_at}`; each post has `engagement_score` and `pinned` beside what a card has."""
    page = await read_trending(parts, viewer, cursor=cursor, limit=limit)
    return Response(page, media_type="application/json")


@dataclass(frozen=True, slots=True)
class OverrideWish:
    """What an operator says about a post."""

    act: Act
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Overridden:
    """What holds for a post now: pinned, removed, or cleared."""

    post_id: UUID
    act: Act


@get("/api/ops/trending", summary="See how trending came about", tags=["operations"])
async def standing(
    parts: NamedDependency[Parts], operator: NamedDependency[Viewer], cursor: FromQuery[int | None] = None
) -> trending_look.TrendingStanding:
    """Answer with the list, why each post is on it, what operators said, and a page of the history before run `cursor`."""
    return await trending_look.read_standing(parts, before=cursor)


@get("/api/ops/trending/runs/{run_id:int}", summary="Make a list again", tags=["operations"])
async def run(
    parts: NamedDependency[Parts], operator: NamedDependency[Viewer], run_id: FromPath[int]
) -> trending_look.RunView:
    """Answer with a list of the history, its inputs, and whether they give the same list again."""
    return await trending_look.read_run(parts, run_id)


@post("/api/ops/trending/{post_id:uuid}", status_code=200, summary="Pin or take off a post", tags=["operations"])
async def override(
    parts: NamedDependency[Parts],
    operator: NamedDependency[Viewer],
    post_id: FromPath[UUID],
    data: JSONBody[OverrideWish],
) -> Overridden:
    """Answer with what holds now; who said it, when and why is kept."""
    await override_trending(parts, operator, post_id, data.act, data.reason)
    return Overridden(post_id, data.act)


@dataclass(frozen=True, slots=True)
class OverrideLog:
    """One page of what operators did, newest first."""

    lines: list[OverrideLine]
    cursor: int | None
    has_more: bool
    read_at: datetime


@get("/api/ops/trending/log", summary="Read what operators said of trending", tags=["operations"])
async def log(
    parts: NamedDependency[Parts], operator: NamedDependency[Viewer], cursor: FromQuery[int | None] = None
) -> OverrideLog:
    """Answer with one page, newest first."""
    lines, more = await trending_look.read_log(parts, before=cursor)
    return OverrideLog(lines, lines[-1].id if more else None, more, trending_look.now())


ROUTES = [trending, standing, run, override, log]
