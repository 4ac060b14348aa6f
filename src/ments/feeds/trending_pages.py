"""The operators' page of trending: the list with its reasons, what was said of posts, and the history."""

from __future__ import annotations

from typing import Any, get_args
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from ments.accounts.model import Viewer
from ments.accounts.pages import go_to
from ments.errors import Invalid
from ments.feeds.trending_look import read_run, read_standing
from ments.feeds.trending_overrides import Act, override_trending
from ments.parts import Parts
from ments.web.pages import render

Asked = Request[Any, Any, Any]
_SAID = {"pinned": "Pinned.", "removed": "Taken off.", "cleared": "Left to its score again."}


class UnclearWish(Invalid):
    """The form says neither which post nor what is to become of it."""

    code = "unclear_wish"


@get("/ops/trending", include_in_schema=False)
async def trending_ops(
    request: Asked,
    parts: NamedDependency[Parts],
    operator: NamedDependency[Viewer],
    cursor: FromQuery[int | None] = None,
    said: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show how trending came about. `said`: what the form that led here has done."""
    standing = await read_standing(parts, before=cursor)
    return render(request, "feeds/ops-trending.html", viewer=operator, standing=standing, notice=_SAID.get(said or ""))


@get("/ops/trending/runs/{run_id:int}", include_in_schema=False)
async def run_ops(
    request: Asked, parts: NamedDependency[Parts], operator: NamedDependency[Viewer], run_id: FromPath[int]
) -> Response[Any]:
    """Show a list of the history, made again from its inputs."""
    return render(request, "feeds/ops-trending-run.html", viewer=operator, run=await read_run(parts, run_id))


@post("/ops/trending", include_in_schema=False)
async def override_form(
    request: Asked, parts: NamedDependency[Parts], operator: NamedDependency[Viewer]
) -> Response[Any]:
    """Pin a post, take it off or clear either; back to the list."""
    form = await request.form()
    post_id, reason = str(form.get("post_id") or ""), form.get("reason") or ""
    act: Act | None = next((act for act in get_args(Act) if act == form.get("act")), None)
    if act is None or not isinstance(reason, str):
        raise UnclearWish("Say what is to become of the post.")
    try:
        # An address is taken, too: its last part is the post's id.
        wanted = UUID(post_id.strip().rstrip("/").rsplit("/", 1)[-1])
    except ValueError:
        raise UnclearWish("That is not the address of a post.") from None
    await override_trending(parts, operator, wanted, act, reason)
    return go_to(request, f"/ops/trending?{urlencode({'said': act})}")


ROUTES = [trending_ops, run_ops, override_form]
