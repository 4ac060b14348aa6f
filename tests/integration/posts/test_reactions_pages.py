"""Reacting by plain forms, and by the same forms under htmx."""

from __future__ import annotations

import re

import httpx2

from ments.parts import Parts
from posting import ORIGIN, Member, make_member, open_api
from reacting import make_poll, make_post

_HTMX = {"HX-Request": "true"}


async def send(
    api: httpx2.AsyncClient, who: Member, path: str, data: dict[str, object], **headers: str
) -> httpx2.Response:
    return await api.post(path, data=data, headers={**who.headers, "Accept": "text/html", "Origin": ORIGIN, **headers})


async def test_a_form_goes_back_to_where_it_stood(parts: Parts) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        post = await make_post(api, mara)
        path = f"/post/{post['id']}/like"
        done = await send(api, mara, path, {"on": "yes"}, Referer=f"{ORIGIN}/browse?cursor=abc#x")
        assert (done.status_code, done.headers["location"]) == (303, f"/browse?cursor=abc#post-{post['id']}")
        for foreign in ("https://elsewhere.example/x", f"{ORIGIN}//elsewhere.example", ""):
            done = await send(api, mara, path, {"on": "yes"}, Referer=foreign)
            assert done.headers["location"] == f"/post/{post['id']}#post-{post['id']}"
        page = (await api.get(f"/post/{post['id']}", headers=mara.headers)).text
        assert re.search(
            r'class="action num like" id="like-[^"]+" type="submit" aria-pressed="true" aria-label="Like, 1 like"', page
        )
        await send(api, mara, path, {"on": "no"})
        assert (await api.get(f"/api/posts/{post['id']}")).json()["likes"] == 0


async def test_under_htmx_the_piece_that_changed_comes_back(parts: Parts) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        post = await make_post(api, mara)
        for act, says in (("like", "Like, 1 like"), ("repost", "Repost, 1 repost"), ("bookmark", "Bookmark")):
            piece = await send(api, mara, f"/post/{post['id']}/{act}", {"on": "yes"}, **_HTMX)
            assert piece.status_code == 200
            assert piece.text.strip().startswith('<form class="act"')
            assert f'aria-pressed="true" aria-label="{says}"' in piece.text
            assert '<input type="hidden" name="on" value="no">' in piece.text
            assert piece.headers["cache-control"] == "private, no-store"


async def test_a_visitor_is_shown_counts_and_asked_to_sign_in(parts: Parts) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        post, _ = await make_poll(api, mara)
        await api.post(f"/api/posts/{post['id']}/like", headers=mara.headers)
        page = (await api.get(f"/post/{post['id']}")).text
        assert 'aria-label="1 like. Sign in to like"' in page
        assert "Sign in to vote" in page
        assert f"/post/{post['id']}/like" not in page
        answer = await api.post(
            f"/post/{post['id']}/like", data={"on": "yes"}, headers={"Accept": "text/html", "Origin": ORIGIN}
        )
        assert answer.status_code in (302, 303)
        assert (await api.get(f"/api/posts/{post['id']}")).json()["likes"] == 1


async def test_voting_by_the_form(parts: Parts) -> None:
    mara, voter = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:
        post, options = await make_poll(api, mara, "multiple_choice")
        path = f"/post/{post['id']}/vote"
        before = (await api.get(f"/post/{post['id']}", headers=voter.headers)).text
        assert before.count('type="checkbox" name="option"') == 3
        assert "%" not in re.sub(r"<[^>]*>", "", before.split('class="poll"')[1].split("</form>")[0])
        nothing = await send(api, voter, path, {}, **_HTMX)
        assert (nothing.status_code, "Choose an option." in nothing.text) == (200, True)
        assert (await send(api, voter, path, {"option": "x"})).status_code == 422
        piece = await send(api, voter, path, {"option": options[:2]}, **_HTMX)
        assert piece.text.count('class="poll-row yours"') == 2
        assert piece.text.count("100%") == 2
        again = await send(api, voter, path, {"option": options[2]}, **_HTMX)
        assert again.status_code == 409
        plain = await send(api, mara, path, {"option": options[0]})
        assert plain.status_code == 303


async def test_a_poll_by_the_composers_form(parts: Parts) -> None:
    mara = await make_member(parts)
    form: dict[str, object] = {
        "content": "Who goes first?", "poll": "yes", "poll_option": ["Ops", "", "Design ", "", "", ""], "poll_ends": "259200",
        "poll_kind": "multiple_choice",
    }  # fmt: skip
    async with open_api(parts) as api:
        assert (await send(api, mara, "/create", form)).status_code == 303
        shown = (await api.get("/api/posts", headers=mara.headers)).json()["posts"][0]["poll"]
        assert [option["text"] for option in shown["options"]] == ["Ops", "Design"]
        assert shown["kind"] == "multiple_choice"
        refused = await send(api, mara, "/create", {**form, "poll_option": ["Only this"]})
        assert refused.status_code == 422
        assert 'value="Only this"' in refused.text
        assert "A poll has 2 to 6 options." in refused.text
        # Without its tick, what stands in its lines is not asked.
        form.pop("poll")
        await send(api, mara, "/create", {**form, "content": "No poll"})
        assert (await api.get("/api/posts", headers=mara.headers)).json()["posts"][0]["poll"] is None


async def test_what_is_kept_has_a_page(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    headers = {**mara.headers, "Accept": "text/html"}
    async with open_api(parts) as api:
        assert "Nothing saved yet" in (await api.get("/bookmarks", headers=headers)).text
        post = await make_post(api, other)
        reply = await make_post(api, other, "re", parent_post_id=post["id"])
        for post_id in (post["id"], reply["id"]):
            await api.post(f"/api/posts/{post_id}/bookmark", headers=mara.headers)
        page = (await api.get("/bookmarks", headers=headers)).text
        assert page.index(f'id="post-{reply["id"]}"') < page.index(f'id="post-{post["id"]}"')
        assert f'<a href="/post/{post["id"]}">A reply to another post</a>' in page
        visitor = await api.get("/bookmarks", headers={"Accept": "text/html"})
        assert visitor.status_code in (302, 303)
