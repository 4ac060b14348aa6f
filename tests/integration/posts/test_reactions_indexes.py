"""What is read of reactions is read by an index: however many there are, a page costs what is on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from ments.parts import Parts
from ments.posts import hashtags_store, reactions_store
from posting import make_member
from reacting import fold_all

_LAST = {"before_at": "9999-01-01T00:00:00Z", "before_id": UUID(int=2**128 - 1), "n": 21}
_FILL = """
insert into accounts (id, username, email) select gen_random_uuid(), 'u' || n, n || '@x.test' from generate_series(1, 2000) as n;
insert into posts (id, account_id, content, visibility, status)
  select gen_random_uuid(), a.id, 'x', 'public', 'published' from accounts a, generate_series(1, 3);
insert into likes (account_id, post_id) select a.id, p.id from accounts a
  cross join lateral (select id from posts where id > a.id order by id limit 10) as p;
insert into reposts (account_id, post_id) select account_id, post_id from likes where post_id::text < '8';
insert into bookmarks (account_id, post_id) select account_id, post_id from likes;
insert into bookmarks (account_id, post_id) select '%(me)s', id from posts on conflict do nothing;
insert into post_hashtags (tag, sorted_at, post_id)
  select tag, sorted_at, id from posts, unnest(array['pricing', 'hiring', 'x' || left(id::text, 3)]) as tag;
insert into polls (id, post_id, kind, ends_in_s, ends_at)
  select gen_random_uuid(), id, 'single_choice', 300, now() from posts where id::text < '4';
insert into poll_options (id, poll_id, position, text) select gen_random_uuid(), q.id, n, 'o' from polls q, generate_series(0, 2) as n;
insert into poll_votes (poll_id, account_id, option_ids)
  select q.id, a.id, array(select id from poll_options where poll_id = q.id limit 1)
  from polls q cross join lateral (select id from accounts order by id limit 3) as a;
"""
_ANALYSE = (
    "analyze accounts, posts, likes, reposts, bookmarks, post_hashtags, polls, poll_options, poll_votes, counter_lines"
)


@pytest.mark.parametrize("name", ["list_bookmarks", "list_tagged", "list_overlays"])
async def test_no_table_is_read_whole(parts: Parts, name: str) -> None:
    me = await make_member(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(_FILL.replace("%(me)s", str(me.viewer.id)))
        rows = await tx.connection.execute("select id from posts order by id limit 20")
        ids = [row["id"] async for row in rows]
    await fold_all(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(_ANALYSE)
    asked: dict[str, tuple[Any, dict[str, Any]]] = {
        "list_bookmarks": (reactions_store.queries, {**_LAST, "account_id": me.viewer.id}),
        "list_tagged": (hashtags_store.queries, {**_LAST, "tag": "pricing", "viewer_id": me.viewer.id}),
        "list_overlays": (reactions_store.queries, {"account_id": me.viewer.id, "ids": ids}),
    }
    queries, values = asked[name]
    async with parts.primary.transaction() as tx:
        sql = f"explain (analyze, format json) {getattr(queries, name).sql}"
        plan = await (await tx.connection.execute(sql, values)).fetchone()
    assert plan is not None
    nodes = list(_walk(plan["QUERY PLAN"][0]["Plan"]))
    large = ("posts", "likes", "reposts", "bookmarks", "post_hashtags", "poll_options", "poll_votes")
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large], plan
    assert sum(node.get("Rows Removed by Filter", 0) * node["Actual Loops"] for node in nodes) < 200, plan


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)
