"""Likes, reposts, bookmarks and reports over HTTP: who may, what is answered, and that twice is once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ments.parts import Parts
from posting import Member, fetch_row, make_media, make_member, open_api
from reacting import check_counts, fold_all, make_post

ACTS = ("like", "repost", "bookmark")


async def test_a_like_is_done_once_and_taken_back_once(parts: Parts) -> None:
    mara, other, third = [await make_member(parts) for _ in range(3)]
    async with open_api(parts) as api:
        post = await make_post(api, mara)
        url = f"/api/posts/{post['id']}/like"

        async def like(method: str, who: Member) -> dict[str, Any]:
            answer = await api.request(method, url, headers=who.headers)
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        assert await like("POST", other) == {"liked": True, "likes": 1}
        assert await like("POST", other) == {"liked": True, "likes": 1}
        assert await like("POST", mara) == {"liked": True, "likes": 2}
        assert await like("DELETE", third) == {"liked": False, "likes": 2}
        # Counts are the same before and after the lines are folded into the row.
        assert (await api.get(f"/api/posts/{post['id']}")).json()["likes"] == 2
        await fold_all(parts)
        assert (await fetch_row(parts, "select likes from posts where id = %s", post["id"]))["likes"] == 2
        assert await like("POST", third) == {"liked": True, "likes": 3}
        assert await like("DELETE", other) == {"liked": False, "likes": 2}
        assert await like("DELETE", other) == {"liked": False, "likes": 2}
        await fold_all(parts)
        await check_counts(parts)
        shown = (await api.get(f"/api/posts/{post['id']}", headers=third.headers)).json()
        assert (shown["likes"], shown["viewer"]["liked"]) == (2, True)
        assert (await api.get(f"/api/posts/{post['id']}", headers=other.headers)).json()["viewer"]["liked"] is False


async def test_a_repost_counts_and_a_bookmark_is_told_to_nobody(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:
        post = await make_post(api, mara)
        url = f"/api/posts/{post['id']}"
        assert (await api.post(f"{url}/repost", headers=other.headers)).json() == {"reposted": True, "reposts": 1}
        assert (await api.post(f"{url}/bookmark", headers=other.headers)).json() == {"bookmarked": True}
        seen = (await api.get(url, headers=other.headers)).json()
        assert seen["viewer"] == {"liked": False, "reposted": True, "bookmarked": True, "votes": []}
        for reader in (mara.headers, {}):
            answer = await api.get(url, headers=reader)
            assert "bookmarks" not in answer.text
            assert answer.json()["reposts"] == 1
            assert not (answer.json()["viewer"] or {}).get("bookmarked")
        assert (await api.delete(f"{url}/repost", headers=other.headers)).json() == {"reposted": False, "reposts": 0}
        assert (await api.delete(f"{url}/bookmark", headers=other.headers)).json() == {"bookmarked": False}
        await fold_all(parts)
        await check_counts(parts)


@pytest.mark.parametrize("act", ACTS)
async def test_only_what_one_may_see_and_what_is_out_can_be_reacted_to(parts: Parts, act: str) -> None:
    mara, other, blocked = [await make_member(parts) for _ in range(3)]
    async with open_api(parts) as api:
        public = await make_post(api, mara)
        private = await make_post(api, mara, visibility="private")
        followers = await make_post(api, mara, visibility="followers")
        media_id = await make_media(parts, mara.viewer, status="processing", generation=None)
        waiting = await make_post(api, mara, media_ids=[str(media_id)])
        deleted = await make_post(api, mara)
        await api.delete(f"/api/posts/{deleted['id']}", headers=mara.headers)
        blocking = await api.post(
            f"/api/users/{blocked.viewer.username}/block", json={"block": True}, headers=mara.headers
        )
        assert blocking.status_code == 200, blocking.text

        async def tries(post_id: str, who: Member | None) -> list[tuple[int, str]]:
            headers = who.headers if who else {}
            answers = [
                await api.request(method, f"/api/posts/{post_id}/{act}", headers=headers)
                for method in ("POST", "DELETE")
            ]
            return [(answer.status_code, answer.json().get("code", "")) for answer in answers]

        gone = [(404, "post_not_found")] * 2
        assert await tries(public["id"], None) == [(401, "unauthenticated")] * 2
        for post_id in (private["id"], followers["id"], waiting["id"], deleted["id"], str(uuid4())):
            assert await tries(post_id, other) == gone
        assert await tries(public["id"], blocked) == gone
        assert await tries(waiting["id"], mara) == [(409, "post_waiting")] * 2
        assert await tries(deleted["id"], mara) == gone
        assert await tries(public["id"], other) == [(200, "")] * 2
        own = [(403, "post_not_public"), (200, "")] if act == "repost" else [(200, "")] * 2
        assert await tries(private["id"], mara) == own
        following = await api.post(
            f"/api/users/{mara.viewer.username}/follow", json={"follow": True}, headers=other.headers
        )
        assert following.status_code == 200, following.text
        assert await tries(followers["id"], other) == own
        assert (await api.post("/api/posts/x/like", headers=mara.headers)).status_code == 404
        rows = await fetch_row(
            parts,
            "select (select count(*) from likes) + (select count(*) from reposts) + (select count(*) from bookmarks) as n",
        )
        assert rows["n"] == 0


async def test_bookmarks_are_listed_newest_first_and_to_their_owner_alone(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:
        posts = [(await make_post(api, mara, f"{n}"))["id"] for n in range(6)]
        order = [posts[n] for n in (3, 0, 5, 1, 4, 2)]
        for post_id in order:
            await api.post(f"/api/posts/{post_id}/bookmark", headers=other.headers)
        # Kept before: it stays where it is.
        await api.post(f"/api/posts/{order[0]}/bookmark", headers=other.headers)
        first = (await api.get("/api/bookmarks", params={"limit": 2}, headers=other.headers)).json()
        assert [post["id"] for post in first["posts"]] == order[:-3:-1]
        assert all(post["viewer"]["bookmarked"] for post in first["posts"])
        await api.delete(f"/api/posts/{order[2]}", headers=mara.headers)
        await api.delete(f"/api/posts/{order[0]}/bookmark", headers=other.headers)
        rest = (
            await api.get("/api/bookmarks", params={"limit": 50, "cursor": first["cursor"]}, headers=other.headers)
        ).json()
        assert [post["id"] for post in rest["posts"]] == [order[3], order[1]]
        assert (rest["has_more"], rest["cursor"]) == (False, None)
        assert (await api.get("/api/bookmarks", headers=mara.headers)).json()["posts"] == []
        foreign = await api.get("/api/bookmarks", params={"cursor": first["cursor"]}, headers=mara.headers)
        assert (foreign.status_code, foreign.json()["code"]) == (400, "bad_cursor")
        assert (await api.get("/api/bookmarks")).status_code == 401
        # Hidden from each other: what was kept is no longer shown, and the page is full of the rest.
        await api.post(f"/api/users/{other.viewer.username}/block", json={"block": True}, headers=mara.headers)
        own = (await make_post(api, other, "mine"))["id"]
        await api.post(f"/api/posts/{own}/bookmark", headers=other.headers)
        kept = (await api.get("/api/bookmarks", headers=other.headers)).json()["posts"]
        assert [post["id"] for post in kept] == [own]


async def test_a_report_is_taken_once(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:
        post = await make_post(api, mara)
        private = await make_post(api, mara, visibility="private")
        url = f"/api/posts/{post['id']}/report"
        taken = await api.post(url, json={"reason": " spam ", "details": "The same\r\nagain."}, headers=other.headers)
        assert (taken.status_code, taken.json()) == (201, {"reported": True})
        again = await api.post(url, json={"reason": "spam"}, headers=other.headers)
        assert (again.status_code, again.json()["code"]) == (409, "reported_already")
        for body in ({"reason": " "}, {"reason": "x" * 101}, {"reason": "spam", "details": "x" * 2001}):
            refused = await api.post(url, json=body, headers=mara.headers)
            assert (refused.status_code, refused.json()["code"]) == (422, "report_refused")
        for malformed in ({}, {"reason": 1}, [], "spam"):
            assert (await api.post(url, json=malformed, headers=mara.headers)).status_code == 400
        assert (await api.post(url, json={"reason": "spam"})).status_code == 401
        hidden = await api.post(f"/api/posts/{private['id']}/report", json={"reason": "spam"}, headers=other.headers)
        assert hidden.status_code == 404
    row = await fetch_row(parts, "select account_id, reason, details, count(*) over () as n from post_reports")
    assert (row["account_id"], row["reason"], row["details"], row["n"]) == (
        other.viewer.id,
        "spam",
        "The same\nagain.",
        1,
    )
