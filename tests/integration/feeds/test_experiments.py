"""Experiments: a ranking by the variant's weights, exposures once each, results with intervals for operators alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from ments.feeds import rank_actions, rank_tasks
from ments.feeds.events import EventKind, FeedEvent, FeedEventsSent
from ments.feeds.experiments_rules import choose_variant
from ments.parts import Parts
from ments.weights import parse_experiments
from posting import Member, fetch_row, job_of, make_member, open_api
from ranking import write_posts

WRITTEN = "fresh: control=1 | fresher=1 freshness=0.9"


@pytest.fixture
def tried(parts: Parts) -> Parts:
    return replace(parts, settings=replace(parts.settings, feed_experiments=parse_experiments(WRITTEN)))


async def make_operator(parts: Parts) -> Member:
    member = await make_member(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update accounts set is_admin = true where id = %s", [member.viewer.id])
    return member


async def tell(parts: Parts, who: UUID, *acts: tuple[EventKind, UUID], source: str = "pipeline") -> None:
    events = tuple(
        FeedEvent(uuid4(), kind, post, datetime.now(UTC), 2000 if kind is EventKind.IMPRESSION else None, source)
        for kind, post in acts
    )
    await rank_tasks.write_feed_events(parts, job_of("write_feed_events"), FeedEventsSent(who, events))


async def test_an_account_is_ranked_by_its_variant_and_what_it_sees_counts_for_it(tried: Parts) -> None:
    author, operator = await make_member(tried), await make_operator(tried)
    (experiment,) = tried.settings.feed_experiments
    members = [await make_member(tried) for _ in range(6)]
    posts = await write_posts(tried, author, 3)
    variants = {member.viewer.id: choose_variant(experiment, member.viewer.id).name for member in members}
    for member in members[:2]:
        ranking = await rank_actions.make_ranking(tried, member.viewer.id)
        assert ranking.variants == {"fresh": variants[member.viewer.id]}
        assert (0.9 in ranking.weights) == (variants[member.viewer.id] == "fresher")
    seen, clicked = EventKind.IMPRESSION, EventKind.CLICK
    for member in members:
        await tell(
            tried, member.viewer.id, (seen, posts[0]), (seen, posts[1]), (clicked, posts[0]), (EventKind.LIKE, posts[0])
        )
        # Seen again, seen elsewhere, a post of no use: none of it is another exposure.
        await tell(tried, member.viewer.id, (seen, posts[0]), (clicked, posts[0]), (seen, uuid4()))
        await tell(tried, member.viewer.id, (seen, posts[2]), source="chronological")
    row = await fetch_row(
        tried, "select sum(impressions) as seen, sum(clicks) as clicks, sum(likes) as likes, sum(dwell_ms) as ms from experiment_exposures"
    )  # fmt: skip
    assert row == {"seen": 12, "clicks": 6, "likes": 6, "ms": 36_000}
    async with open_api(tried) as api:
        for path in ("/api/ops/experiments", "/ops/experiments", "/ops/trending", "/ops/trending/runs/1"):
            assert (await api.get(path, headers=members[0].headers)).status_code == 403
        assert (await api.get("/api/ops/experiments")).status_code == 401
        (found,) = (await api.get("/api/ops/experiments", headers=operator.headers)).json()["experiments"]
        assert [variant["name"] for variant in found["variants"]] == ["control", "fresher"]
        for variant in found["variants"]:
            n = sum(name == variant["name"] for name in variants.values())
            assert (variant["accounts"], variant["exposures"], variant["share"]) == (n, 2 * n, 0.5)
            if n:
                assert variant["clicks"]["value"] == 0.5
                assert variant["dwell_s"]["value"] == pytest.approx(3.0)
            if n >= 2:
                assert (variant["clicks"]["low"], variant["clicks"]["high"]) == (0.5, 0.5)
        page = await api.get("/ops/experiments", headers={**operator.headers, "Accept": "text/html"})
        assert (page.status_code, "50.00 %" in page.text) == (200, True)


async def test_without_experiments_nothing_is_counted(parts: Parts) -> None:
    author, mara, operator = await make_member(parts), await make_member(parts), await make_operator(parts)
    (post,) = await write_posts(parts, author, 1)
    await tell(parts, mara.viewer.id, (EventKind.IMPRESSION, post))
    assert (await fetch_row(parts, "select count(*) as n from experiment_exposures"))["n"] == 0
    async with open_api(parts) as api:
        assert (await api.get("/api/ops/experiments", headers=operator.headers)).json() == {"experiments": []}
