"""The forms, without a script and under htmx."""

from __future__ import annotations

import pytest

from ments.accounts.actions import create_account
from ments.parts import Parts
from posting import ORIGIN, open_api

PASSWORD = "a long and odd sentence"
FROM_US = {"Origin": ORIGIN}


async def test_registering_and_signing_in_lead_to_where_the_visitor_was_headed(parts: Parts) -> None:
    async with open_api(parts) as api:
        form = {"email": "ada@haldenair.com", "username": "ada", "password": PASSWORD, "redirect": "/create"}
        made = await api.post("/register", data=form, headers=FROM_US)
        assert (made.status_code, made.headers["location"]) == (303, "/create")
        assert (await api.get("/api/me")).json()["username"] == "ada"
        out = await api.post("/logout", headers=FROM_US)
        assert (out.status_code, out.headers["location"]) == (303, "/")
        assert (await api.get("/api/me")).status_code == 401
        again = await api.post(
            "/login", data={"login": "ada", "password": PASSWORD, "redirect": "/search?q=a"}, headers=FROM_US
        )
        assert again.headers["location"] == "/search?q=a"
        under_htmx = await api.post(
            "/login", data={"login": "ada", "password": PASSWORD}, headers=FROM_US | {"HX-Request": "true"}
        )
        assert (under_htmx.status_code, under_htmx.headers["hx-redirect"]) == (200, "/")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "/%2fevil.example"])
async def test_no_form_leads_to_another_site(parts: Parts, target: str) -> None:
    await create_account(parts, username="ada", email="ada@haldenair.com", password=PASSWORD)
    async with open_api(parts) as api:
        form = {"login": "ada", "password": PASSWORD, "redirect": target}
        assert (await api.post("/login", data=form, headers=FROM_US)).headers["location"] == "/"
        answer = await api.get("/auth/callback", params={"redirect": target})
        assert answer.headers["location"] == "/"
        api.cookies.clear()
        answer = await api.get("/auth/callback", params={"redirect": target})
        assert answer.headers["location"] == "/?redirect=/"


async def test_a_wrong_form_comes_back_with_what_was_typed_but_the_password(parts: Parts) -> None:
    await create_account(parts, username="ada", email="ada@haldenair.com", password=PASSWORD)
    async with open_api(parts) as api:
        wrong = await api.post("/login", data={"login": "ada", "password": "not this one"}, headers=FROM_US)
        assert wrong.status_code == 422
        assert "Four tries left before a ten-minute pause." in wrong.text
        assert "not this one" not in wrong.text
        cut_off = await api.post("/login", data={"login": "ada@haldenair", "password": ""}, headers=FROM_US)
        assert "The address looks cut off after “ada@haldenair”." in cut_off.text
        assert "Enter your password." in cut_off.text
        form = {"email": "lena@haldenair", "username": "Lena", "password": "not this one"}
        refused = await api.post("/register", data=form, headers=FROM_US)
        assert refused.status_code == 422
        assert "The address looks cut off after" in refused.text
        assert "lena@haldenair" in refused.text
        assert "not this one" not in refused.text
        for _ in range(4):
            await api.post("/login", data={"login": "ada", "password": "wrong"}, headers=FROM_US)
        paused = await api.post("/login", data={"login": "ada", "password": PASSWORD}, headers=FROM_US)
        assert paused.status_code == 429
        assert "Sign-in is paused until" in paused.text
        assert "retry-after" in paused.headers


async def test_a_form_sent_by_another_site_is_refused_without_a_cookie_too(parts: Parts) -> None:
    await create_account(parts, username="ada", email="ada@haldenair.com", password=PASSWORD)
    form = {"login": "ada", "password": PASSWORD}
    async with open_api(parts) as api:
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await api.post("/login", data=form, headers=headers)
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers


async def test_who_is_signed_in_needs_no_form(parts: Parts) -> None:
    await create_account(parts, username="ada", email="ada@haldenair.com", password=PASSWORD)
    async with open_api(parts) as api:
        assert 'name="password"' in (await api.get("/login")).text
        assert 'name="email"' in (await api.get("/register", params={"redirect": "/create"})).text
        await api.post("/login", data={"login": "ada", "password": PASSWORD}, headers=FROM_US)
        answer = await api.get("/login", params={"redirect": "/create"})
        assert (answer.status_code, answer.headers["location"]) == (302, "/create")
