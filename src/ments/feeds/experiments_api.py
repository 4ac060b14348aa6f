"""What came of experiments, over HTTP, for operators: as JSON and as a page."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from ments.accounts.model import Viewer
from ments.feeds.experiments_store import ExperimentResults, read_results
from ments.parts import Parts
from ments.web.pages import render

Asked = Request[Any, Any, Any]


@get("/api/ops/experiments", summary="See what came of experiments", tags=["operations"])
async def results(parts: NamedDependency[Parts], operator: NamedDependency[Viewer]) -> ExperimentResults:
    """Answer with each variant's exposures, and what was done per exposure with its interval."""
    return await read_results(parts)


@get("/ops/experiments", include_in_schema=False)
async def results_page(
    request: Asked, parts: NamedDependency[Parts], operator: NamedDependency[Viewer]
) -> Response[Any]:
    """Show the same."""
    found = await read_results(parts)
    return render(request, "feeds/ops-experiments.html", viewer=operator, experiments=found.experiments)


ROUTES = [results, results_page]
