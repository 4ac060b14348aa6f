"""Trending: made of what is stored, made again the same, moved by nobody alone, and overruled by operators."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx2
import pytest

from ments.feeds import trending_store, trending_tasks
from ments.feeds.trending_overrides import TrendingOverridden
from ments.feeds.trending_rules import explain, rank_trending
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost, Visibility
from ments.relationships.actions import set_tie
from ments.relationships.model import TieKind
from posting import Member, fetch_row, job_of, list_jobs, make_member, open_api
from ranking import like, make_trending, texts, write_posts


async def make_operator(parts: Parts) -> Member:
    member = await make_member(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update accounts set is_admin = true where id = %s", [member.viewer.id])
    return Member(replace(member.viewer, is_admin=True), member.token)


async def trending(api: httpx2.AsyncClient, who: Member | None = None, query: str = "") -> list[str]:
    answer = await api.get(f"/api/trending{query}", headers=who.headers if who else {})
    assert answer.status_code == 200, answer.text
    return [post["id"] for post in answer.json()["posts"]]


async def test_accounts_make_a_post_trend_and_not_acts(parts: Parts) -> None:
    mara, jonas, *crowd = [await make_member(parts) for _ in range(7)]
    lively, pushed, own, quiet = await write_posts(parts, mara, 4)
    await like(parts, lively, *crowd[:3])
    # One account does all it can; the author herself does, too.
    await like(parts, pushed, jonas)
    for n in range(4):
        await actions.create_post(parts, jonas.viewer, NewPost(f"Push {n}", parent_post_id=pushed))
        await actions.create_post(parts, mara.viewer, NewPost(f"Mine {n}", parent_post_id=own))
    await like(parts, own, mara)
    for visibility in (Visibility.FOLLOWERS, Visibility.PRIVATE):
        narrow = await actions.create_post(parts, mara.viewer, NewPost("Narrow", visibility=visibility))
        await like(parts, narrow.id, *crowd)
    await make_trending(parts)
    async with open_api(parts) as api:
        assert await trending(api) == texts([lively])
        await like(parts, quiet, *crowd)
        await make_trending(parts, 4)
        assert await trending(api) == texts([quiet, lively])
        page = (await api.get("/api/trending")).json()
    assert (page["has_more"], page["hasMore"], page["cursor"]) == (False, False, None)
    # five accounts with 3 points each, five minutes old by the middle of their stretch, of a post of today
    assert page["posts"][0]["engagement_score"] == pytest.approx(1.5 * 15, rel=0.02)
    assert page["posts"][0]["pinned"] is False
    assert page["posts"][0]["author"]["username"] == mara.viewer.username


async def test_each_list_is_made_again_from_its_inputs_and_history_is_kept_for_a_week(parts: Parts) -> None:
    mara, jonas, *crowd = [await make_member(parts) for _ in range(6)]
    posts = [*await write_posts(parts, mara, 3), *await write_posts(parts, jonas, 2)]
    runs = []
    for n, post in enumerate(posts):
        await like(parts, post, *crowd[: 2 + n % 3])
        runs.append(await make_trending(parts, 3 + n))
    async with parts.primary.session() as session:
        lists = [await trending_store.find_run(session, run_id) for run_id in runs]
    for one in lists:
        assert one is not None
        assert one.entries
        assert rank_trending(one.inputs) == one.entries
        assert all("accounts reacted" in explain(one.inputs, entry.post_id) for entry in one.entries)
    last = lists[-1]
    assert last is not None
    # At most two of one author; and whoever was on the list before says since when.
    assert len(last.entries) == 4
    earlier = {entry.post_id: entry.since for entry in lists[0].entries}  # type: ignore[union-attr]
    kept = {entry.post_id: entry.since for entry in last.entries}
    assert all(kept[post] == since for post, since in earlier.items() if post in kept)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "update trending_runs set made_at = made_at - interval '8 days' where id = any(%s)", [runs[:2]]
        )
    await trending_tasks.sweep_trending(parts)
    left = await fetch_row(parts, "select array_agg(id order by id) as runs from trending_runs")
    assert left["runs"] == runs[2:]
    entries = await fetch_row(parts, "select array_agg(distinct run_id) as runs from trending_entries")
    assert set(entries["runs"]) == set(runs[2:])


async def test_what_is_old_cools_down_and_is_forgotten(parts: Parts) -> None:
    mara, *crowd = [await make_member(parts) for _ in range(4)]
    old, newer = await write_posts(parts, mara, 2)
    await like(parts, old, *crowd)
    await make_trending(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update likes set created_at = created_at - interval '5 hours'")
    await like(parts, newer, *crowd[:2])
    await make_trending(parts)
    async with open_api(parts) as api:
        assert await trending(api) == texts([newer, old])
    async with parts.primary.transaction() as tx:
        run_id = await trending_store.make_list(tx, datetime.now(UTC) + timedelta(hours=90))
        assert (await trending_store.read_list(tx, run_id)).entries == ()
    assert (await fetch_row(parts, "select count(*) as n from trending_heat"))["n"] == 0


async def test_pages_are_of_one_list_and_hide_what_a_reader_is_spared(parts: Parts) -> None:
    authors = [await make_member(parts) for _ in range(5)]
    reader, *crowd = [await make_member(parts) for _ in range(4)]
    posts = [(await write_posts(parts, author, 1))[0] for author in authors]
    for post in posts:
        await like(parts, post, *crowd)
    await make_trending(parts)
    async with open_api(parts) as api:
        every = await trending(api)
        assert sorted(every) == sorted(texts(posts))
        first = (await api.get("/api/trending?limit=2")).json()
        assert ([post["id"] for post in first["posts"]], first["has_more"]) == (every[:2], True)
        await like(parts, UUID(every[4]), reader)
        await make_trending(parts, 4)
        assert await trending(api, query=f"?cursor={first['cursor']}") == every[2:]
        for wrong in (first["cursor"][:-2], "x"):
            answer = await api.get(f"/api/trending?cursor={wrong}")
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
        answer = await api.get("/api/trending")
        assert answer.headers["cache-control"].startswith("public, max-age=1")
        # Muted and blocked are taken out for one, made up for from further down, and stay for the others.
        by_id = dict(zip(texts(posts), authors, strict=True))
        await set_tie(parts, reader.viewer, TieKind.MUTE, by_id[every[0]].viewer.username, wanted=True)
        await set_tie(parts, by_id[every[2]].viewer, TieKind.BLOCK, reader.viewer.username, wanted=True)
        page = await api.get("/api/trending?limit=2", headers=reader.headers)
        assert page.headers["cache-control"] == "private, no-store"
        assert {every[0], every[2]}.isdisjoint(post["id"] for post in page.json()["posts"])
        assert len(page.json()["posts"]) == 2
        assert page.json()["posts"][0]["viewer"]["liked"] is True
        await actions.delete_post(parts, by_id[every[3]].viewer, UUID(every[3]))
        mine = await trending(api, reader)
        assert sorted(mine) == sorted({every[1], every[4]})


async def test_operators_pin_and_take_off_and_it_is_written_down(parts: Parts) -> None:
    operator, mara, jonas, *crowd = await make_operator(parts), *[await make_member(parts) for _ in range(5)]
    liked, other = (await write_posts(parts, mara, 1))[0], (await write_posts(parts, jonas, 1))[0]
    private = await actions.create_post(parts, mara.viewer, NewPost("Alone", visibility=Visibility.PRIVATE))
    await like(parts, liked, *crowd)
    await make_trending(parts)
    async with open_api(parts) as api:

        async def say(post: object, act: str, who: Member | None = operator, **more: str) -> int:
            answer = await api.post(
                f"/api/ops/trending/{post}", json={"act": act, **more}, headers=who.headers if who else {}
            )
            return answer.status_code

        for address in ("/api/ops/trending", "/api/ops/trending/log", "/api/ops/trending/runs/1"):
            assert (await api.get(address, headers=mara.headers)).status_code == 403
            assert (await api.get(address)).status_code == 401
        assert [await say(other, "pinned", who) for who in (mara, None)] == [403, 401]
        assert [await say(post, "pinned") for post in (private.id, uuid4())] == [404, 404]
        assert await say(other, "hot") in (400, 422)
        assert await say(other, "pinned", reason="x" * 201) == 422
        assert await say(other, "pinned", reason="It is launch day.") == 200
        (payload,) = await list_jobs(parts, "make_trending_anew")
        event = TrendingOverridden(UUID(payload["post_id"]), payload["act"])
        await trending_tasks.make_trending_anew(parts, job_of("make_trending_anew"), event)
        await make_trending(parts)
        page = (await api.get("/api/trending")).json()["posts"]
        assert [(post["id"], post["pinned"]) for post in page] == [(str(other), True), (str(liked), False)]
        # Taken off: at once, before another list is made.
        assert await say(liked, "removed") == 200
        assert await trending(api) == [str(other)]
        standing = (await api.get("/api/ops/trending", headers=operator.headers)).json()
        assert [(entry["post_id"], entry["why"].split(";")[0]) for entry in standing["entries"]] == [
            (str(other), "An operator pinned it")
        ]
        assert {(one["post_id"], one["kind"]) for one in standing["overrides"]} == {
            (str(other), "pinned"),
            (str(liked), "removed"),
        }
        await make_trending(parts, 4)
        assert await trending(api) == [str(other)]
        for post in (liked, other):
            assert await say(post, "cleared") == 200
        run_id = await make_trending(parts, 5)
        assert await trending(api) == [str(liked)]
        log = (await api.get("/api/ops/trending/log", headers=operator.headers)).json()
        assert [(line["act"], line["operator_name"]) for line in log["lines"]] == [
            (act, operator.viewer.username) for act in ("cleared", "cleared", "removed", "pinned")
        ]
        assert log["lines"][-1]["reason"] == "It is launch day."
        run = (await api.get(f"/api/ops/trending/runs/{run_id}", headers=operator.headers)).json()
        assert run["replayed"] is True
        assert [entry["post_id"] for entry in run["entries"]] == [str(liked)]
        assert (await api.get("/api/ops/trending/runs/999999", headers=operator.headers)).status_code == 404


async def test_only_so_many_are_pinned(parts: Parts) -> None:
    operator, mara = await make_operator(parts), await make_member(parts)
    posts = await write_posts(parts, mara, 11)
    async with open_api(parts) as api:
        answers = [
            (await api.post(f"/api/ops/trending/{post}", json={"act": "pinned"}, headers=operator.headers)).status_code
            for post in posts
        ]
    assert answers == [200] * 10 + [409]
    assert (await fetch_row(parts, "select count(*) as n from trending_override_log"))["n"] == 10
