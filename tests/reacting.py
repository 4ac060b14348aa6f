"""Posts, reactions and what the database counts of them, for tests."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx2

from ments.parts import Parts
from ments.posts.counters import fold_counts
from posting import Member, fetch_row


async def make_post(api: httpx2.AsyncClient, author: Member, content: str = "Day nine.", **body: Any) -> dict[str, Any]:
    """Write a post over the API; returns it as the author sees it."""
    made = await api.post("/api/posts", json={"content": content, **body}, headers=author.headers)
    assert made.status_code == 201, made.text
    post: dict[str, Any] = made.json()
    return post


async def make_poll(
    api: httpx2.AsyncClient, author: Member, kind: str = "single_choice", n: int = 3, **body: Any
) -> tuple[dict[str, Any], list[str]]:
    """Write a post that asks; returns it, and the ids of its options."""
    poll = {"kind": kind, "options": [f"Option {k}" for k in range(n)], "ends_in_s": 3600}
    post = await make_post(api, author, poll=poll, **body)
    return post, [option["id"] for option in post["poll"]["options"]]


async def end_poll(parts: Parts, post_id: str) -> None:
    """Let a poll's time be up."""
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "update polls set ends_at = clock_timestamp() - interval '1 second' where post_id = %s", [UUID(post_id)]
        )


async def fold_all(parts: Parts) -> None:
    """Fold until no line is left."""
    while await fold_counts(parts.primary):
        pass


async def check_counts(parts: Parts) -> None:
    """Every count, folded, is what plain count(*) says."""
    wrong = await fetch_row(
        parts,
        """
        select
          (select count(*) from counter_lines) as lines,
          (select count(*) from posts p where likes <> (select count(*) from likes l where l.post_id = p.id)) as likes,
          (select count(*) from posts p where reposts <> (select count(*) from reposts r where r.post_id = p.id)) as reposts,
          (select count(*) from posts p where replies <> (
             select count(*) from posts r
             where r.parent_post_id = p.id and r.status = 'published' and r.visibility = p.visibility)) as replies,
          (select count(*) from polls q where voters <> (select count(*) from poll_votes v where v.poll_id = q.id)) as voters,
          (select count(*) from poll_options o where votes <> (
             select count(*) from poll_votes v where v.poll_id = o.poll_id and o.id = any(v.option_ids))) as votes
        """,
    )
    assert wrong == dict.fromkeys(wrong, 0)
