"""Rankings and trending for tests: made now, as a worker would within the second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2

from ments.feeds import trending_store
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost
from posting import Member


async def make_trending(parts: Parts, after_s: float = 3.0) -> int:
    """Make the list of what is trending, as of a moment at which all that was done is settled."""
    async with parts.primary.transaction() as tx:
        # The list of before was of a moment to come: what was done since is read, too.
        await tx.connection.execute("update trending_runs set read_until = read_until - interval '1 minute'")
        run_id = await trending_store.make_list(tx, datetime.now(UTC) + timedelta(seconds=after_s))
    await parts.pages.purge(*[f"trending:{n}:" for n in range(1, 51)])
    return run_id


async def write_posts(parts: Parts, author: Member, n: int, words: str = "Trays") -> list[UUID]:
    """Write n public posts, the oldest first."""
    return [(await actions.create_post(parts, author.viewer, NewPost(f"{words} {k}"))).id for k in range(n)]


async def like(parts: Parts, post_id: UUID, *who: Member) -> None:
    """Let members like a post."""
    async with parts.primary.transaction() as tx:
        for member in who:
            await tx.connection.execute(
                "insert into likes (account_id, post_id) values (%s, %s) on conflict do nothing",
                [member.viewer.id, post_id],
            )


async def read_feed(api: httpx2.AsyncClient, who: Member | None, query: str = "kind=for_you") -> dict[str, Any]:
    """Read one page of a feed."""
    answer = await api.get(f"/api/feed?{query}", headers=who.headers if who else {})
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def walk_feed(api: httpx2.AsyncClient, who: Member, query: str = "kind=for_you&limit=3") -> list[tuple[str, str]]:
    """Read all pages of a feed: each post with the `source` of its page."""
    found: list[tuple[str, str]] = []
    cursor = ""
    for _ in range(60):
        page = await read_feed(api, who, f"{query}{cursor}")
        found += [(post["id"], page["source"]) for post in page["posts"]]
        if not page["has_more"]:
            assert page["cursor"] is None
            return found
        cursor = f"&cursor={page['cursor']}"
    raise AssertionError("the pages never end")


def texts(ids: Sequence[UUID]) -> list[str]:
    """Ids as JSON has them."""
    return [str(post_id) for post_id in ids]
