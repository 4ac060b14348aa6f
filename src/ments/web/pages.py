"""Pages: one template each, a whole document as a link and a fragment of it for htmx."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from litestar import MediaType, Request, Response

from ments.web import frames, links, words
from ments.web.assets import asset
from ments.web.cookies import carries_identity

_PACKAGE = Path(__file__).parent.parent
# What pages say of an error before its own sentence.
_TITLES = {
    HTTPStatus.FORBIDDEN: "That is not yours to open",
    HTTPStatus.NOT_FOUND: "There is nothing here",
    HTTPStatus.GONE: "This link is spent",
    HTTPStatus.METHOD_NOT_ALLOWED: "That can't be done here",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "That is too large",
    HTTPStatus.TOO_MANY_REQUESTS: "A little too fast",
    HTTPStatus.SERVICE_UNAVAILABLE: "Part of ments is away",
    HTTPStatus.UNAUTHORIZED: "Sign in to go on",
}


@lru_cache(maxsize=1)
def templates() -> Environment:
    """Return the one template environment; a feature's templates are found under the feature's name."""
    found = {folder.parent.name: FileSystemLoader(folder) for folder in sorted(_PACKAGE.glob("*/templates"))}
    environment = Environment(
        loader=PrefixLoader(found),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        ago=words.ago,
        closes=words.closes,
        count=words.count,
        lasting=words.lasting,
        file_size=words.file_size,
        initials=words.initials,
        hue=words.hue,
        first_line=words.first_line,
        linked=links.linked,
    )
    environment.globals.update(asset=asset, photo_frame=frames.photo_frame, video_frame=frames.video_frame)
    return environment


def render(
    request: Request[Any, Any, Any],
    template: str,
    *,
    status: int = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> Response[str]:
    """Answer with a page: `template` extends `layout`, which is the document, or for htmx the part that changes.

    viewer  whoever is signed in, None otherwise; every page needs it (the header shows it)
    """
    # An error page is drawn by whoever finds the error: the reader is then known only if they were looked up before.
    context.setdefault("viewer", cast("dict[str, Any]", request.scope).get("ments_viewer"))
    fragment = request.headers.get("hx-request") == "true"
    return Response(
        content=draw(
            template,
            layout="web/fragment.html" if fragment else "web/layout.html",
            path=request.url.path,
            site=site_url(request),
            signed_in=context["viewer"] is not None or carries_identity(request.scope),
            **context,
        ),
        status_code=status,
        media_type=MediaType.HTML,
        headers=headers or {},
    )


def render_piece(template: str, *, headers: dict[str, str] | None = None, **context: Any) -> Response[str]:
    """Answer with a piece of a page that a script asked for: one card, a number."""
    return Response(content=draw(template, **context), media_type=MediaType.HTML, headers=headers or {})


def draw(template: str, **context: Any) -> str:
    """Fill in a template. Pure but for reading it once. Raises UndefinedError for a name that `context` lacks."""
    return templates().get_template(template).render(**context)


def render_error_page(
    request: Request[Any, Any, Any],
    status: HTTPStatus,
    detail: str,
    *,
    trace_id: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response[str]:
    """Answer with a page that says what went wrong and what to do next."""
    return render(
        request,
        "web/error.html",
        status=status,
        headers=headers,
        title=_TITLES.get(status, "Something failed on our side" if status >= 500 else "That didn't work"),
        detail=detail,
        trace_id=trace_id,
        number=int(status),
    )


def site_url(request: Request[Any, Any, Any]) -> str:
    """Return where the site is reached, for addresses that leave it (shared links); no slash at the end."""
    parts = getattr(request.app.state, "parts", None)
    return parts.settings.public_url if parts is not None else str(request.base_url).rstrip("/")


def absolute(site: str, url: str) -> str:
    """Return an address that works outside the site."""
    return urljoin(site + "/", url)
