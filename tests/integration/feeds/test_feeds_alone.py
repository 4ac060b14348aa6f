"""What a statement for one reader says is what the one for several says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg import Error

from ments.db.asked_together import ask_together
from ments.feeds import rank_inputs, timelines_made
from ments.feeds.paging import queries
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost, Visibility
from posting import make_member


async def test_one_who_asks_alone_is_told_the_same(parts: Parts) -> None:
    ada, mara = await make_member(parts), await make_member(parts)
    ids = [(await actions.create_post(parts, who.viewer, NewPost("words"))).id for who in (ada, mara) * 3]
    ids.append((await actions.create_post(parts, ada.viewer, NewPost("mine", visibility=Visibility.PRIVATE))).id)
    last = {"before_ats": datetime(9999, 1, 1, tzinfo=UTC), "before_ids": UUID(int=2**128 - 1)}
    first = {"from_ats": datetime(1970, 1, 1, tzinfo=UTC), "from_ids": UUID(int=0)}
    named = [post_id.hex for post_id in ids]
    asked: list[tuple[Any, str, dict[str, Any]]] = [
        (queries, "see_latest", {**last, "ns": 4}),
        (timelines_made.queries, "see_home", {"named": named, **last, **first, "ns": 4}),
        (timelines_made.queries, "see_home", {"named": [], **last, **first, "ns": 4}),
        (rank_inputs.queries, "see_first", {"ranked": ids, "ns": 3}),
        (rank_inputs.queries, "see_blended", {"mosts": 3, "ns": 4}),
    ]
    for room, name, values in asked:
        query, alone = getattr(room, name), getattr(room, f"{name}_alone")
        for who in (ada, mara):
            several = await ask_together(parts.primary, query, readers=who.viewer.id, **values)
            assert await ask_together(parts.primary, query, alone, readers=who.viewer.id, **values) == several


async def test_one_who_errs_alone_is_told_so(parts: Parts) -> None:
    ada = await make_member(parts)
    last = {"before_ats": datetime(9999, 1, 1, tzinfo=UTC), "before_ids": UUID(int=2**128 - 1)}
    with pytest.raises(Error):
        await ask_together(
            parts.primary, queries.see_latest, queries.see_latest_alone, readers=ada.viewer.id, **last, ns=-5
        )
