"""Feeds over HTTP, as JSON that was made before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.types import HTTPScope

from ments.accounts.model import Viewer
from ments.accounts.viewers import find_viewer
from ments.feeds import store
from ments.feeds.model import FeedKind
from ments.feeds.rules import choose_kind
from ments.parts import Parts
from ments.web.kept_answers import keep_answer
from ments.web.straight import Ready

Asked = Request[Any, Any, Any]


_PARAMETERS = frozenset(("kind", "cursor", "limit"))
# As the router reads a number: 007 is none to it.
_LIMIT = re.compile(r"0|[1-9][0-9]{0,8}")
_JSON = (b"content-type", b"application/json")


async def _answer_straight(parts: Parts, scope: HTTPScope, asked: Mapping[str, str], kind: str | None) -> Ready | None:
    limit = asked.get("limit")
    if not asked.keys() <= _PARAMETERS or (limit is not None and not _LIMIT.fullmatch(limit)):
        return None
    viewer = await find_viewer(parts, scope)
    chosen = choose_kind(kind, signed_in=viewer is not None)
    page, was_cached = await store.read_feed_json(
        parts, viewer, chosen, cursor=asked.get("cursor"), limit=None if limit is None else int(limit)
    )
    if viewer is not None:
        keep_answer(scope)
    return Ready((_JSON, (b"x-cache", b"HIT" if was_cached else b"MISS")), page)


async def answer_feed(parts: Parts, scope: HTTPScope, asked: Mapping[str, str]) -> Ready | None:
    """The same as `feed`."""
    return await _answer_straight(parts, scope, asked, asked.get("kind"))


async def answer_latest(parts: Parts, scope: HTTPScope, asked: Mapping[str, str]) -> Ready | None:
    """The same as `latest`."""
    return await _answer_straight(parts, scope, asked, FeedKind.LATEST)


@get("/api/feed", summary="Read a page of a feed", tags=["feeds"], public=True, keep=True, straight=answer_feed)
async def feed(
    request: Asked,
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    kind: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> Response[bytes]:
    """Answer with `{posts, cursor, has_more, source}`; X-Cache says whether the shared page was made before."""
    return await _answer(request, parts, viewer, choose_kind(kind, signed_in=viewer is not None), cursor, limit)


@get(
    "/api/posts",
    summary="List the latest posts",
    tags=["posts"],
    public=True,
    keep=True,
    straight=answer_latest,
)
async def latest(
    request: Asked,
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> Response[bytes]:
    """Answer as `/api/feed?kind=latest` does."""
    return await _answer(request, parts, viewer, FeedKind.LATEST, cursor, limit)


async def _answer(
    request: Asked, parts: Parts, viewer: Viewer | None, kind: FeedKind, cursor: str | None, limit: int | None
) -> Response[bytes]:
    page, was_cached = await store.read_feed_json(parts, viewer, kind, cursor=cursor, limit=limit)
    if viewer is not None:
        keep_answer(request.scope)
    return Response(page, media_type="application/json", headers={"X-Cache": "HIT" if was_cached else "MISS"})


ROUTES = [feed, latest]
