"""Feeds over HTTP, as JSON that was made before."""

from __future__ import annotations

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from ments.accounts.model import Viewer
from ments.feeds import store
from ments.feeds.model import FeedKind
from ments.feeds.rules import choose_kind
from ments.parts import Parts


@get("/api/feed", summary="Read a page of a feed", tags=["feeds"], public=True)
async def feed(
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    kind: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> Response[bytes]:
    """Answer with `{posts, cursor, has_more, source}`; X-Cache says whether the shared page was made before."""
    return await _answer(parts, viewer, choose_kind(kind, signed_in=viewer is not None), cursor, limit)


@get("/api/posts", summary="List the latest posts", tags=["posts"], public=True)
async def latest(
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> Response[bytes]:
    """Answer as `/api/feed?kind=latest` does."""
    return await _answer(parts, viewer, FeedKind.LATEST, cursor, limit)


async def _answer(
    parts: Parts, viewer: Viewer | None, kind: FeedKind, cursor: str | None, limit: int | None
) -> Response[bytes]:
    page, was_cached = await store.read_feed_json(parts, viewer, kind, cursor=cursor, limit=limit)
    return Response(page, media_type="application/json", headers={"X-Cache": "HIT" if was_cached else "MISS"})


ROUTES = [feed, latest]
