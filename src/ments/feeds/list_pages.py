"""The pages of lists that are no feed: what a member keeps, and what bears a hashtag."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from ments.accounts.model import Viewer
from ments.parts import Parts
from ments.posts.hashtags import read_tag
from ments.posts.post_lists import read_bookmarks, read_tagged
from ments.web.pages import render

Asked = Request[Any, Any, Any]


@get("/bookmarks", include_in_schema=False)
async def saved(
    request: Asked,
    parts: NamedDependency[Parts],
    member: NamedDependency[Viewer],
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show a member what they keep; nobody else can."""
    page = await read_bookmarks(parts, member, cursor=cursor)
    return render(request, "feeds/saved.html", viewer=member, page=page, base="/bookmarks")


@get("/tags/{tag:str}", include_in_schema=False, public=True)
async def tagged(
    request: Asked,
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    tag: FromPath[str],
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show anyone the public posts with a hashtag."""
    page, folded = await read_tagged(parts, viewer, tag, cursor=cursor), read_tag(tag)
    return render(request, "feeds/tagged.html", viewer=viewer, page=page, tag=folded, base=f"/tags/{quote(folded)}")


ROUTES = [saved, tagged]
