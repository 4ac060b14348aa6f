"""Posts by their hashtags: listed with their words, for whom they are, a page at a time."""

from __future__ import annotations

from urllib.parse import quote

import httpx2
import pytest

from ments.parts import Parts
from ments.posts import actions
from posting import Member, fetch_row, make_media, make_member, open_api, set_media
from reacting import make_post


async def listed(api: httpx2.AsyncClient, tag: str, who: Member | None = None) -> list[str]:
    answer = await api.get(f"/api/hashtags/{quote(tag)}/posts", headers=who.headers if who else {})
    assert answer.status_code == 200, answer.text
    return [post["id"] for post in answer.json()["posts"]]


async def test_a_post_is_listed_under_the_tags_of_its_words(parts: Parts) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        first = (await make_post(api, mara, "What we charge: #Pricing #Straße"))["id"]
        second = (await make_post(api, mara, "#PRICING again"))["id"]
        assert await listed(api, "pricing") == await listed(api, "Pricing") == [second, first]
        assert await listed(api, "#pricing") == [second, first]
        assert await listed(api, "STRASSE") == [first]
        assert await listed(api, "pricin") == []
        await api.patch(f"/api/posts/{first}", json={"content": "No tags but #hiring"}, headers=mara.headers)
        assert (await listed(api, "pricing"), await listed(api, "hiring")) == ([second], [first])
        assert await listed(api, "strasse") == []
        await api.delete(f"/api/posts/{second}", headers=mara.headers)
        assert await listed(api, "pricing") == []
        public = await api.get("/api/hashtags/hiring/posts")
        assert public.headers["cache-control"].startswith("public")
        for nonsense in ("1", "a b", "%23", "x" * 51):
            answer = await api.get(f"/api/hashtags/{nonsense}/posts")
            assert (answer.status_code, answer.json()["code"]) == (404, "hashtag_not_found")
    assert (await fetch_row(parts, "select count(*) as n from post_hashtags"))["n"] == 1


async def test_only_what_everybody_may_see_is_listed(parts: Parts) -> None:
    mara, other, blocked, muting = [await make_member(parts) for _ in range(4)]
    media_id = await make_media(parts, mara.viewer, status="processing", generation=None)
    async with open_api(parts) as api:
        for visibility in ("private", "followers"):
            await make_post(api, mara, "#quiet", visibility=visibility)
        waiting = (await make_post(api, mara, "#quiet", media_ids=[str(media_id)]))["id"]
        assert await listed(api, "quiet") == await listed(api, "quiet", mara) == []
        # What is changed while it waits is listed by its new words when it appears.
        await api.patch(f"/api/posts/{waiting}", json={"content": "#loud"}, headers=mara.headers)
        await set_media(parts, media_id, status="ready", generation="p1")
        await actions.publish_waiting(parts, media_id)
        assert (await listed(api, "quiet"), await listed(api, "loud")) == ([], [waiting])
        await api.post(f"/api/users/{blocked.viewer.username}/block", json={"block": True}, headers=mara.headers)
        await api.post(f"/api/users/{mara.viewer.username}/mute", json={"mute": True}, headers=muting.headers)
        assert await listed(api, "loud", blocked) == await listed(api, "loud", muting) == []
        assert await listed(api, "loud", other) == [waiting]


async def test_pages_of_a_tag_are_stable(parts: Parts) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        ids = [(await make_post(api, mara, f"{n} #tag"))["id"] for n in range(7)]
        url = "/api/hashtags/tag/posts"
        first = (await api.get(url, params={"limit": 3})).json()
        assert [post["id"] for post in first["posts"]] == ids[:3:-1]
        await make_post(api, mara, "newer #tag")
        await api.delete(f"/api/posts/{ids[3]}", headers=mara.headers)
        second = (await api.get(url, params={"limit": 50, "cursor": first["cursor"]})).json()
        assert [post["id"] for post in second["posts"]] == ids[2::-1]
        assert second["has_more"] is False
        other = await api.get("/api/hashtags/other/posts", params={"cursor": first["cursor"]})
        assert (other.status_code, other.json()["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("path", ["/tags/Pricing", "/tags/%23pricing"], ids=["plain", "with-its-sign"])
async def test_the_page_of_a_tag_is_for_everybody(parts: Parts, path: str) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        post = await make_post(api, mara, "What we charge #pricing")
        page = await api.get(path)
        assert page.status_code == 200
        assert f'id="post-{post["id"]}"' in page.text
        assert '<a class="topic" href="/tags/pricing">#pricing</a>' in page.text
        assert (await api.get("/tags/unused")).status_code == 200
        assert (await api.get("/tags/1")).status_code == 404
