"""Signing in: who gets in, who is told what, and how guessing is made slow."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from ments.accounts import guessing, passwords
from ments.accounts.actions import create_account, create_sign_in_link, link_path, sign_in
from ments.accounts.model import Account, SignInPaused, WrongLogin
from ments.parts import Parts
from posting import ORIGIN, open_api
from running_stack import RunningStack

PASSWORD = "a long and odd sentence"
FROM_US = {"Origin": ORIGIN}


async def make_ada(parts: Parts, **more: Any) -> Account:
    return await create_account(parts, username="ada", email="ada@haldenair.com", password=PASSWORD, **more)


async def login(api: httpx2.AsyncClient, login: str, password: str, **headers: str) -> httpx2.Response:
    answer = await api.post("/api/auth/login", json={"login": login, "password": password}, headers=headers)
    api.cookies.clear()
    return answer


def seen_from(parts: Parts, address: str) -> dict[str, str]:
    return {"X-Ments-Edge": parts.settings.secret_for("edge"), "X-Forwarded-For": address}


async def test_by_address_or_name_in_any_case(parts: Parts) -> None:
    await make_ada(parts)
    async with open_api(parts) as api:
        for name in ("ada", "ADA", "ada@haldenair.com", " Ada@Haldenair.Com "):
            answer = await login(api, name, PASSWORD)
            assert answer.status_code == 200
            assert answer.json()["username"] == "ada"
            assert "ments_session=" in answer.headers["set-cookie"]


async def test_five_wrong_tries_and_a_pause(parts: Parts) -> None:
    await make_ada(parts)
    async with open_api(parts) as api:
        # The name and the address count together; forged addresses count as the socket's.
        answers = [
            await login(api, name, "wrong", **{"X-Forwarded-For": f"198.51.100.{n}"})
            for n, name in enumerate(("ada", "ada@haldenair.com", "ADA", "ada", "ada"))
        ]
        assert [answer.status_code for answer in answers] == [401] * 5
        assert [answer.json()["tries_left"] for answer in answers] == [4, 3, 2, 1, 0]
        assert answers[0].json()["detail"] == (
            "That email and password don't match. Four tries left before a ten-minute pause."
        )
        paused = await login(api, "ada", PASSWORD)
        assert paused.status_code == 429
        assert paused.json()["code"] == "sign_in_paused"
        assert paused.json()["detail"].startswith("Sign-in is paused until ")
        assert 590 <= int(paused.headers["retry-after"]) <= 600
        # From elsewhere the owner gets in.
        elsewhere = seen_from(parts, "203.0.113.7")
        assert (await login(api, "ada", PASSWORD, **elsewhere)).status_code == 200
        assert (await login(api, "ada", PASSWORD)).status_code == 429


async def test_a_right_try_forgets_the_wrong_ones(parts: Parts) -> None:
    await make_ada(parts)
    async with open_api(parts) as api:
        for _ in range(3):
            for _ in range(3):
                assert (await login(api, "ada", "wrong")).status_code == 401
            assert (await login(api, "ada", PASSWORD)).status_code == 200


async def test_tries_at_once_do_not_outrun_the_count(parts: Parts) -> None:
    await make_ada(parts)
    async with open_api(parts) as api:
        answers = await asyncio.gather(*(login(api, "ada", "wrong") for _ in range(15)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 10


async def test_right_tries_at_once_all_sign_in(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    # Thirty hashes take as long as the machine needs for them.
    monkeypatch.setattr(guessing, "_SETTLED_S", 60.0)
    await make_ada(parts)
    async with open_api(parts) as api:
        answers = await asyncio.gather(*(login(api, "ada", PASSWORD) for _ in range(30)))
    assert [answer.status_code for answer in answers] == [200] * 30


async def test_a_crowd_is_slowed_and_the_owner_is_not(parts: Parts) -> None:
    await make_ada(parts)
    home = "203.0.113.1"
    await sign_in(parts, login="ada", password=PASSWORD, address=home)
    outcomes, waits_s = [], []
    for n in range(25):
        try:
            await sign_in(parts, login="ada", password="wrong", address=f"198.51.100.{n}")
        except WrongLogin:
            outcomes.append("wrong")
        except SignInPaused as error:
            outcomes.append("paused")
            waits_s.append(error.retry_after_s)
    assert max(waits_s) <= 60
    assert outcomes == ["wrong"] * 20 + ["paused"] * 5
    signed_in = await sign_in(parts, login="ada", password=PASSWORD, address=home)
    assert signed_in.account.username == "ada"


async def test_an_unknown_name_is_answered_as_a_wrong_password_is(parts: Parts) -> None:
    await make_ada(parts)
    took: dict[str, list[float]] = {"ada": [], "nobody": []}
    for n in range(12):
        for name, times in took.items():
            started = time.perf_counter()
            with pytest.raises(WrongLogin) as raised:
                await sign_in(parts, login=name, password="wrong", address=f"198.51.100.{n}")
            times.append(time.perf_counter() - started)
            assert raised.value.tries_left == 4
    known, unknown = (statistics.median(times) for times in took.values())
    # A hash takes about 20 ms; without the dummy one the two would be far apart.
    assert 0.5 < known / unknown < 2


async def test_an_old_hash_is_made_anew(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await make_ada(parts)
    weak = passwords.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update accounts set password_hash = %s where id = %s", (weak, ada.id))
    await sign_in(parts, login="ada", password=PASSWORD, address="203.0.113.1")
    async with parts.primary.session() as session:
        row = await (await session.connection.execute("select password_hash from accounts")).fetchone()
    assert row is not None
    assert row["password_hash"] != weak
    assert not passwords.needs_rehash(row["password_hash"])
    await sign_in(parts, login="ada", password=PASSWORD, address="203.0.113.1")


async def test_taken_fields_are_named(parts: Parts) -> None:
    await make_ada(parts)
    async with open_api(parts) as api:
        for email, username, fields in (
            ("ADA@haldenair.com", "lena", ["email"]),
            ("lena@haldenair.com", "ada", ["username"]),
            ("ada@haldenair.com", "ada", ["email", "username"]),
        ):
            body = {"email": email, "username": username, "password": PASSWORD}
            answer = await api.post("/api/auth/register", json=body)
            assert (answer.status_code, answer.json()["code"]) == (409, "taken")
            assert [item["field"] for item in answer.json()["errors"]] == fields


async def test_of_two_registrations_at_once_one_succeeds(parts: Parts) -> None:
    body = {"email": "ada@haldenair.com", "username": "ada", "password": PASSWORD}
    async with open_api(parts) as api:
        answers = await asyncio.gather(*(api.post("/api/auth/register", json=body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


async def test_an_address_of_the_settings_makes_an_operator(parts: Parts) -> None:
    ours = replace(parts, settings=replace(parts.settings, admin_emails=frozenset({"ada@haldenair.com"})))
    async with open_api(ours) as api:
        body = {"email": "Ada@Haldenair.com", "username": "ada", "password": PASSWORD}
        assert (await api.post("/api/auth/register", json=body)).json()["is_admin"] is True


async def test_a_link_signs_in_once(parts: Parts) -> None:
    ada = await make_ada(parts)
    url = f"/auth/link?token={await create_sign_in_link(parts, ada)}"
    async with open_api(parts) as api:
        # What looks ahead does not use it up.
        for headers in ({"User-Agent": "Slackbot-LinkExpanding 1.0"}, {"Sec-Purpose": "prefetch"}):
            assert "set-cookie" not in (await api.get(url, headers=headers)).headers
        assert "set-cookie" not in (await api.head(url)).headers
        answers = await asyncio.gather(*(api.get(url) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [303, 410, 410, 410]
        assert (await api.get("/api/me")).json()["username"] == "ada"
        # A reload of the page that signed in.
        assert (await api.get(url)).headers["location"] == "/"


async def test_a_link_ends_within_the_hour(parts: Parts) -> None:
    ada = await make_ada(parts)
    token = await create_sign_in_link(parts, ada)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update sign_in_links set expires_at = now() - interval '1 second'")
    async with open_api(parts) as api:
        assert (await api.post("/auth/link", data={"token": token}, headers=FROM_US)).status_code == 410


async def test_the_operators_link_makes_the_first_operator(parts: Parts) -> None:
    async with open_api(parts) as api:
        await api.get(await link_path(parts))
        me = (await api.get("/api/me")).json()
        assert (me["username"], me["is_admin"]) == ("operator", True)
        api.cookies.clear()
        await api.get(await link_path(parts))
        assert (await api.get("/api/me")).json()["id"] == me["id"]


async def test_forged_addresses_do_not_help_through_the_edge(stack: RunningStack) -> None:
    async with httpx2.AsyncClient(base_url=stack.url) as client:
        statuses = [
            (
                await client.post(
                    "/api/auth/login",
                    json={"login": "nobody_through_the_edge", "password": "wrong"},
                    headers={"X-Forwarded-For": f"198.51.100.{n}", "X-Ments-Edge": "0" * 64},
                )
            ).status_code
            for n in range(6)
        ]
    assert statuses == [401] * 5 + [429]
