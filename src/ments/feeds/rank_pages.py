"""Pages about the ranked feed and what is trending: why a post is shown, a new ranking, the list."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from ments.accounts.model import Viewer
from ments.accounts.pages import go_to
from ments.feeds import rank_kept
from ments.feeds.rank_read import ask_for_ranking, read_why
from ments.feeds.trending_read import read_trending_page
from ments.parts import Parts
from ments.posts.store import read_post
from ments.web.pages import render

Asked = Request[Any, Any, Any]
# A ranking takes a tenth of a second; who waits longer is shown the one of before.
_WAIT_S = 2.0
_LOOK_EVERY_S = 0.05


@get("/trending", include_in_schema=False, public=True)
async def trending_page(
    request: Asked,
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show anyone what is trending."""
    page = await read_trending_page(parts, viewer, cursor=cursor)
    return render(request, "feeds/trending.html", viewer=viewer, page=page, base="/trending")


@get("/post/{post_id:uuid}/why", include_in_schema=False)
async def why_page(
    request: Asked, parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]
) -> Response[Any]:
    """Show a member why they see a post, with what it counted for."""
    why = await read_why(parts, member, post_id)
    shown = await read_post(parts, member, post_id)
    return render(request, "feeds/why.html", viewer=member, why=why, post=shown)


@post("/feed/refresh", include_in_schema=False, limit="refreshes")
async def refresh_form(request: Asked, parts: NamedDependency[Parts], member: NamedDependency[Viewer]) -> Response[Any]:
    """Rank a member's feed anew, and show it when it is there."""
    before = await rank_kept.find_order(parts.valkey, member.id)
    if await ask_for_ranking(parts, member.id):
        for _ in range(int(_WAIT_S / _LOOK_EVERY_S)):
            order = await rank_kept.find_order(parts.valkey, member.id)
            if order is not None and (before is None or order.id != before.id):
                break
            await asyncio.sleep(_LOOK_EVERY_S)
    return go_to(request, "/")


ROUTES = [trending_page, why_page, refresh_form]
