"""The pages over the real parts: each works as a link, as a form without a script, and as a fragment for htmx."""

from __future__ import annotations

import re
from uuid import uuid4

import httpx2
import pytest

from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost, Visibility
from posting import ORIGIN, Member, make_media, make_member, open_api, set_media

HTML = {"Accept": "text/html"}


def as_person(member: Member | None) -> dict[str, str]:
    """Headers of a browser: a session cookie, an Origin with what it sends."""
    cookie = {"Cookie": f"ments_session={member.token}"} if member else {}
    return {**HTML, "Origin": ORIGIN, **cookie}


def room_id(page: httpx2.Response, name: str) -> str:
    found = re.search(rf'<option value="([0-9a-f-]+)"[^>]*>{name}</option>', page.text)
    assert found
    return found[1]


async def test_a_visitor_sees_the_place_and_comes_back_to_where_they_were_headed(parts: Parts) -> None:
    async with open_api(parts) as api:
        asked = await api.get("/create", headers=HTML)
        assert (asked.status_code, asked.headers["location"]) == (302, "/?redirect=/create")
        landing = await api.get("/?redirect=/create", headers=HTML)
        assert "showing the work" in landing.text
        assert 'name="redirect" value="/create"' in landing.text
        away = await api.get("/?redirect=//evil.example", headers=HTML)
        assert "evil" not in away.text
        member = await make_member(parts)
        home = await api.get("/?redirect=/create", headers=as_person(member))
        assert (home.status_code, home.headers["location"]) == (302, "/create")


async def test_a_post_is_written_read_answered_and_deleted_by_plain_forms(parts: Parts) -> None:
    mara, kofi = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:
        composer = await api.get("/create", headers=as_person(mara))
        form = {
            "content": "Two pilots, one gasket.",
            "environment_id": room_id(composer, "MVP"),
            "visibility": "public",
        }
        sent = await api.post("/create", data=form, headers=as_person(mara))
        assert (sent.status_code, sent.headers["location"]) == (303, "/")
        room = await api.get("/browse?environment=mvp", headers=HTML)
        found = re.search(r'id="post-([0-9a-f-]+)"', room.text)
        assert found
        post = f"/post/{found[1]}"
        replied = await api.post(f"{post}/replies", data={"content": "Which gasket?"}, headers=as_person(kofi))
        assert replied.headers["location"].startswith(f"{post}#post-")
        page = await api.get(post, headers=HTML)
        assert "Which gasket?" in page.text
        assert f'<meta property="og:url" content="{parts.settings.public_url}{post}">' in page.text
        assert (await api.post(f"{post}/delete", headers=as_person(kofi))).status_code == 403
        assert (await api.post(f"{post}/delete", headers=as_person(mara))).status_code == 303
        assert (await api.get(post, headers=HTML)).status_code == 404


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"content": "  "}, "Write something"),
        ({"content": "x" * 501}, "at most 500 characters"),
        ({"content": "x", "environment_id": "nowhere"}, "Choose one of the lists"),
        ({"content": "x", "environment_id": str(uuid4())}, "no such environment"),
    ],
)
async def test_the_composer_comes_back_with_the_words_and_what_is_wrong(
    parts: Parts, form: dict[str, str], says: str
) -> None:
    member = await make_member(parts)
    async with open_api(parts) as api:
        again = await api.post("/create", data=form, headers=as_person(member))
    assert again.status_code == 422
    assert says in again.text
    assert form["content"].strip() in again.text


async def test_a_failed_attachment_can_be_left_out_or_replaced(parts: Parts) -> None:
    mara, kofi = await make_member(parts), await make_member(parts)
    media_id = await make_media(parts, mara.viewer, status="processing", generation=None)
    post = await actions.create_post(parts, mara.viewer, NewPost(content="Day nine.", media_ids=(media_id,)))
    await set_media(parts, media_id, status="failed", generation=None)
    async with open_api(parts) as api:
        card = await api.get(f"/post/{post.id}/card", headers=as_person(mara))
        assert f"/create?instead={post.id}" in card.text
        assert (await api.get(f"/post/{post.id}/card", headers=as_person(kofi))).status_code == 404
        instead = await api.get(f"/create?instead={post.id}", headers=as_person(mara))
        assert "Day nine." in instead.text
        assert f'data-instead="{post.id}"' in instead.text
        left_out = await api.post(f"/post/{post.id}/without/{media_id}", headers=as_person(mara))
        assert left_out.headers["location"] == f"/post/{post.id}"
        assert "Day nine." in (await api.get(f"/post/{post.id}", headers=HTML)).text


async def test_htmx_gets_the_part_of_the_page_that_changes(parts: Parts) -> None:
    member = await make_member(parts)
    async with open_api(parts) as api:
        whole = await api.get("/browse", headers=as_person(member))
        part = await api.get("/browse", headers={**as_person(member), "HX-Request": "true"})
    assert whole.text.startswith("<!doctype html>")
    assert part.text.startswith("<title>Browse")
    assert (
        part.text.split('id="page"', 1)[1].split("<header", 1)[1].strip().removesuffix("</div>").strip() in whole.text
    )


async def test_a_page_for_everyone_may_be_kept_and_one_for_a_member_may_not(parts: Parts) -> None:
    member = await make_member(parts)
    post = await actions.create_post(parts, member.viewer, NewPost(content="Hello."))
    async with open_api(parts) as api:
        for path in ("/", "/browse", f"/post/{post.id}", f"/profile/{member.viewer.username}"):
            assert "no-store" not in (await api.get(path, headers=HTML)).headers["cache-control"]
            assert "no-store" in (await api.get(path, headers=as_person(member))).headers["cache-control"]


async def test_what_is_not_for_everybody_is_on_nobody_elses_page(parts: Parts) -> None:
    mara, kofi = await make_member(parts), await make_member(parts)
    post = await actions.create_post(parts, mara.viewer, NewPost(content="A secret.", visibility=Visibility.PRIVATE))
    async with open_api(parts) as api:
        for path in ("/browse", f"/profile/{mara.viewer.username}", f"/post/{post.id}"):
            assert "A secret." not in (await api.get(path, headers=HTML)).text
            assert "A secret." not in (await api.get(path, headers=as_person(kofi))).text
        assert "A secret." in (await api.get(f"/profile/{mara.viewer.username}", headers=as_person(mara))).text


async def test_what_is_not_there_says_so_and_knows_who_is_signed_in(parts: Parts) -> None:
    member = await make_member(parts)
    async with open_api(parts) as api:
        for path in ("/nope", "/profile/nobody_here", f"/post/{uuid4()}", "/browse?environment=nope"):
            page = await api.get(path, headers=HTML)
            assert page.status_code == 404
            assert "There is nothing here" in page.text
            assert "/register?redirect=" in page.text
            mine = await api.get(path, headers=as_person(member))
            assert "/register?redirect=" not in mine.text


async def test_the_root_of_the_site_has_an_icon_and_tells_crawlers_what_to_leave(parts: Parts) -> None:
    member = await make_member(parts)
    async with open_api(parts) as api:
        for asker in (None, member):
            icon = await api.get("/favicon.ico", headers=as_person(asker))
            assert (icon.status_code, icon.headers["content-type"]) == (200, "image/x-icon")
            assert icon.content.startswith(b"\0\0\1\0")
            robots = await api.get("/robots.txt", headers=as_person(asker))
            assert robots.headers["content-type"].startswith("text/plain")
            lines = robots.text.splitlines()
            assert {"Disallow: /api/", "Disallow: /m/", "Disallow: /auth/"} < set(lines)
            assert not [line for line in lines if line.removeprefix("Disallow: ") in ("/", "/post/", "/p/", "/static/")]
            for answer in (icon, robots):
                assert answer.headers["cache-control"] == "public, max-age=86400"
                assert "set-cookie" not in answer.headers


async def test_a_page_tells_other_sites_its_full_address(parts: Parts) -> None:
    async with open_api(parts) as api:
        page = await api.get("/browse", headers=HTML)
    assert f'<meta property="og:url" content="{parts.settings.public_url}/browse">' in page.text
    assert '<meta property="og:title" content="Browse · ments">' in page.text
