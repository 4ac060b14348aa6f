"""Posts over HTTP: who may do what, what is refused, and what is answered when a request comes twice."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from ments.parts import Parts
from posting import Member, fetch_row, list_jobs, make_media, make_member, open_api


async def test_a_text_post_appears_at_once(parts: Parts) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        rooms = (await api.get("/api/environments")).json()["environments"]
        assert [room["slug"] for room in rooms][:3] == ["general", "ideation", "mvp"]
        assert len(rooms) == 12
        body = {"content": " Day nine.\r\n", "environment_id": rooms[0]["id"]}
        made = await api.post("/api/posts", json=body, headers=mara.headers)
        assert made.status_code == 201, made.text
        post = made.json()
        assert post["content"] == "Day nine."
        assert post["status"] == "published"
        assert post["environment"] == {"id": rooms[0]["id"], "slug": "general", "name": "General"}
        assert post["author"]["username"] == mara.viewer.username
        assert post["poll"] is None
        assert post["viewer"] == {"liked": False, "reposted": False, "bookmarked": False, "votes": []}
        assert (await api.get(f"/api/posts/{post['id']}", headers=mara.headers)).json() == post
        seen = await api.get(f"/api/posts/{post['id']}")
        assert seen.json() == {**post, "viewer": None}
        assert seen.headers["cache-control"].startswith("public")
    assert {"post_id": post["id"], "author_id": str(mara.viewer.id)} in await list_jobs(parts, "purge_after_publish")


async def test_null_stands_for_what_is_left_out(parts: Parts) -> None:
    mara = await make_member(parts)
    left_out = dict.fromkeys(["media_ids", "media", "poll", "environment_id", "parent_post_id", "visibility"])
    async with open_api(parts) as api:
        made = await api.post("/api/posts", json={"content": "Day ten.", **left_out}, headers=mara.headers)
        assert (made.status_code, made.json()["visibility"]) == (201, "public")
        empty = await api.post("/api/posts", json={"content": None, **left_out}, headers=mara.headers)
        assert (empty.status_code, empty.json()["code"]) == (422, "post_empty")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "content", "post_empty"),
        ({"content": " \u200b "}, "content", "post_empty"),
        ({"content": "x" * 501}, "content", "content_too_long"),
        ({"content": "x", "media_ids": [str(uuid4())]}, "media_ids", "media_unknown"),
        ({"content": "x", "media_ids": [str(uuid4()) for _ in range(5)]}, "media_ids", "too_many_attachments"),
        ({"content": "x", "poll": {"question": "?", "options": []}}, "poll", "poll_options"),
        ({"content": "x", "environment_id": str(uuid4())}, "environment_id", "environment_unknown"),
    ],
)
async def test_bad_input_names_its_field(parts: Parts, body: dict[str, object], field: str, code: str) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        answer = await api.post("/api/posts", json=body, headers=mara.headers)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await fetch_row(parts, "select count(*) from posts where account_id = %s", mara.viewer.id))["count"] == 0


@pytest.mark.parametrize(
    "body",
    [b'{"content": 1}', b'{"media_ids": ["x"]}', b'{"visibility": "everyone"}', b"[]", b"{", b'{"content": "\\ud800"}'],
)
async def test_malformed_bodies_are_refused(parts: Parts, body: bytes) -> None:
    mara = await make_member(parts)
    headers = {**mara.headers, "Content-Type": "application/json"}
    async with open_api(parts) as api:
        answer = await api.post("/api/posts", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_who_may_do_what(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:

        async def make(visibility: str) -> str:
            body = {"content": visibility, "visibility": visibility}
            return str((await api.post("/api/posts", json=body, headers=mara.headers)).json()["id"])

        async def statuses(post_id: str, who: Member | None) -> list[int]:
            headers = who.headers if who else {}
            url = f"/api/posts/{post_id}"
            return [
                (await api.get(url, headers=headers)).status_code,
                (await api.get(f"{url}/replies", headers=headers)).status_code,
                (await api.post(f"{url}/replies", json={"content": "re"}, headers=headers)).status_code,
                (await api.patch(url, json={"content": "changed"}, headers=headers)).status_code,
                (await api.delete(url, headers=headers)).status_code,
            ]

        public = await make("public")
        assert await statuses(public, None) == [200, 200, 401, 401, 401]
        assert await statuses(public, other) == [200, 200, 201, 403, 403]
        for hidden in (await make("private"), await make("followers"), str(uuid4())):
            assert await statuses(hidden, None) == [404, 404, 401, 401, 401]
            assert await statuses(hidden, other) == [404, 404, 404, 404, 404]
        assert await statuses(public, mara) == [200, 200, 201, 200, 204]
        # Deleted: gone for all; deleting again is no mistake of its author's.
        assert await statuses(public, other) == [404, 404, 404, 404, 404]
        assert await statuses(public, mara) == [404, 404, 404, 404, 204]
        for nonsense in ("/api/posts/1", "/api/posts/x/replies"):
            assert (await api.get(nonsense)).status_code == 404


async def test_a_reply_is_counted_and_paged(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:
        post = (await api.post("/api/posts", json={"content": "Ask me"}, headers=mara.headers)).json()
        url = f"/api/posts/{post['id']}/replies"
        replies = [
            (await api.post(url, json={"content": f"{n}"}, headers=other.headers)).json()["id"] for n in range(5)
        ]
        # Nobody but its author sees a reply that is not public, and it is counted for nobody else's eyes.
        hidden = await api.post(url, json={"content": "note", "visibility": "private"}, headers=other.headers)
        assert hidden.status_code == 201
        first = (await api.get(url, params={"limit": 2})).json()
        assert [reply["id"] for reply in first["posts"]] == replies[:2]
        await api.delete(f"/api/posts/{replies[1]}", headers=other.headers)
        new = (await api.post(url, json={"content": "late"}, headers=mara.headers)).json()["id"]
        second = (await api.get(url, params={"limit": 50, "cursor": first["cursor"]})).json()
        assert [reply["id"] for reply in second["posts"]] == [*replies[2:], new]
        assert second["has_more"] is False
        assert second["cursor"] is None
        mine = (await api.get(url, headers=other.headers)).json()["posts"]
        assert hidden.json()["id"] in [reply["id"] for reply in mine]
        forged = await api.get(f"/api/posts/{replies[0]}/replies", params={"cursor": first["cursor"]})
        assert (forged.status_code, forged.json()["code"]) == (400, "bad_cursor")
        assert (await api.get(f"/api/posts/{post['id']}")).json()["replies"] == 5


async def test_the_same_key_makes_one_post(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    key = {"Idempotency-Key": uuid4().hex}
    async with open_api(parts) as api:

        async def write(content: str, who: Member) -> tuple[int, dict[str, object]]:
            answer = await api.post("/api/posts", json={"content": content}, headers={**who.headers, **key})
            return answer.status_code, answer.json()

        at_once = await asyncio.gather(*(write("once", mara) for _ in range(8)))
        assert {status for status, _ in at_once} == {201}
        assert len({str(post["id"]) for _, post in at_once}) == 1
        assert (await write("once", mara))[1]["id"] == at_once[0][1]["id"]
        status, problem = await write("something else", mara)
        assert (status, problem["code"]) == (422, "idempotency_key_reused")
        # A key is an account's own, and a refused request leaves it free.
        assert (await write("x" * 501, other))[0] == 422
        assert (await write("once", other))[0] == 201
        too_long = await api.post(
            "/api/posts", json={"content": "x"}, headers={**mara.headers, "Idempotency-Key": "k" * 300}
        )
        assert too_long.status_code == 422
    row = await fetch_row(parts, "select count(*) from posts where account_id = %s", mara.viewer.id)
    assert row["count"] == 1


async def test_somebody_elses_media_cannot_be_attached(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    media_id = await make_media(parts, mara.viewer)
    body = {"content": "mine now", "media_ids": [str(media_id)]}
    async with open_api(parts) as api:
        stolen = await api.post("/api/posts", json=body, headers=other.headers)
        assert (stolen.status_code, stolen.json()["code"]) == (422, "media_unknown")
        assert (await api.post("/api/posts", json=body, headers=mara.headers)).status_code == 201
        again = await api.post("/api/posts", json=body, headers=mara.headers)
        assert (again.status_code, again.json()["code"]) == (422, "media_taken")


async def test_two_posts_cannot_take_the_same_media_at_once(parts: Parts) -> None:
    mara = await make_member(parts)
    ids = [str(await make_media(parts, mara.viewer)) for _ in range(3)]
    async with open_api(parts) as api:
        answers = await asyncio.gather(
            *(
                api.post("/api/posts", json={"media_ids": order}, headers=mara.headers)
                for order in (ids, ids[::-1], ids[:2], ids[1:], ids[1:2], ids[::-1])
            )
        )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 201
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} <= {"media_taken"}
    row = await fetch_row(parts, "select count(*) from post_media where media_id = any(%s::uuid[])", ids)
    assert row["count"] <= 3
