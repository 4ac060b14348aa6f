"""Every request about the ranked feed, trending and experiments."""

from __future__ import annotations

from typing import Any

from ments.feeds import experiments_api, rank_api, rank_pages, trending_api, trending_pages

ROUTES: list[Any] = [
    *rank_api.ROUTES,
    *rank_pages.ROUTES,
    *trending_api.ROUTES,
    *trending_pages.ROUTES,
    *experiments_api.ROUTES,
]
