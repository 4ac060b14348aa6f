"""Sessions that every process accepts, until they end, and then none does."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from ments.accounts.actions import create_tokens
from ments.accounts.sessions import SESSION_S, find_current, hash_token
from ments.app import open_parts
from ments.cache import Valkey
from ments.parts import Parts
from posting import ORIGIN, Member, make_member, open_api
from running_stack import RunningStack
from valkey_server import ValkeyServer

FROM_US = {"Origin": ORIGIN}


def cookie(member: Member) -> dict[str, str]:
    return {"Cookie": f"ments_session={member.token}"}


async def test_registering_signs_in_and_the_cookie_is_for_browsers_alone(parts: Parts) -> None:
    async with open_api(parts) as api:
        body = {"email": "Ada@Haldenair.com", "username": "ada", "password": "a long and odd sentence"}
        made = await api.post("/api/auth/register", json=body, headers=FROM_US)
        assert made.status_code == 201
        set_cookie = made.headers["set-cookie"]
        assert set_cookie.startswith("ments_session=")
        for part in ("HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={SESSION_S}"):
            assert part in set_cookie.split("; ")
        assert "Secure" not in set_cookie
        me = (await api.get("/api/me")).json()
        assert (me["username"], me["email"], me["is_admin"]) == ("ada", "Ada@haldenair.com", False)
        assert "password" not in str(me)


async def test_the_cookie_is_secure_when_the_site_is_asked_over_https(parts: Parts) -> None:
    headers = {
        "X-Ments-Edge": parts.settings.secret_for("edge"),
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "ments.example",
        "Origin": "https://ments.example",
    }
    async with open_api(parts) as api:
        body = {"email": "ada@haldenair.com", "username": "ada", "password": "a long and odd sentence"}
        made = await api.post("/api/auth/register", json=body, headers=headers)
    assert "Secure" in made.headers["set-cookie"].split("; ")


async def test_only_the_hash_of_a_session_is_stored(parts: Parts) -> None:
    member = await make_member(parts)
    async with parts.primary.session() as session:
        rows = await (await session.connection.execute("select * from sessions")).fetchall()
    assert [bytes(row["token_hash"]) for row in rows] == [hash_token(member.token)]
    assert member.token not in str(rows)
    assert await find_current(parts, member.token)
    for key in await parts.valkey.client.keys("*"):
        assert member.token not in str(key)
        if await parts.valkey.client.type(key) == b"string":
            assert member.token.encode() not in (await parts.valkey.client.get(key) or b"")


async def test_signing_out_holds_in_every_process_at_once(parts: Parts) -> None:
    member = await make_member(parts)
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(open_parts(parts.settings)) for _ in range(2)]
        apis = [await stack.enter_async_context(open_api(each)) for each in (parts, *others)]
        for api in apis:
            assert (await api.get("/api/me", headers=cookie(member))).status_code == 200
        out = await apis[0].post("/api/auth/logout", headers=cookie(member) | FROM_US)
        assert out.status_code == 204
        assert "Max-Age=0" in out.headers["set-cookie"]
        for api in apis:
            answer = await api.get("/api/me", headers=cookie(member))
            assert (answer.status_code, answer.json()["code"]) == (401, "session_expired")


async def test_a_reader_of_the_moment_before_does_not_bring_a_session_back(parts: Parts) -> None:
    for _ in range(5):
        member = await make_member(parts)
        async with open_api(parts) as api:
            reads = [api.get("/api/me", headers=cookie(member)) for _ in range(8)]
            out = api.post("/api/auth/logout", headers=cookie(member) | FROM_US)
            await asyncio.gather(*reads, out, return_exceptions=False)
            assert (await api.get("/api/me", headers=cookie(member))).status_code == 401


async def test_what_another_version_cached_is_passed_over(parts: Parts) -> None:
    member = await make_member(parts)
    name = f"session:{hash_token(member.token).hex()}"
    for cached in (b'[["of", "another"], "shape"]', b"{"):
        await parts.valkey.client.set(name, cached)
        async with open_api(parts) as api:
            assert (await api.get("/api/me", headers=member.headers)).status_code == 200


async def test_emptying_valkey_signs_nobody_out(parts: Parts) -> None:
    member = await make_member(parts)
    async with open_api(parts) as api:
        assert (await api.get("/api/me", headers=cookie(member))).status_code == 200
        await parts.valkey.client.flushdb()
        assert (await api.get("/api/me", headers=cookie(member))).status_code == 200


async def test_sessions_hold_while_valkey_is_gone(parts: Parts, tmp_path: Path) -> None:
    from dataclasses import replace

    server = ValkeyServer(tmp_path)
    server.start()
    valkey = Valkey(server.url)
    own = replace(parts, valkey=valkey)
    try:
        member = await make_member(own)
        async with open_api(own) as api:
            assert (await api.get("/api/me", headers=cookie(member))).status_code == 200
            server.kill()
            assert (await api.get("/api/me", headers=cookie(member))).status_code == 200
            body = {"email": "bo@haldenair.com", "username": "bo_h", "password": "a long and odd sentence"}
            made = await api.post("/api/auth/register", json=body)
            assert made.status_code == 201
            api.cookies.clear()
            login = {"login": "bo_h", "password": "a long and odd sentence"}
            assert (await api.post("/api/auth/login", json=login)).status_code == 200
            api.cookies.clear()
            assert (await api.post("/api/auth/logout", headers=cookie(member) | FROM_US)).status_code == 204
            assert (await api.get("/api/me", headers=cookie(member))).status_code == 401
    finally:
        await valkey.close()
        server.kill()


async def test_a_session_that_is_over_is_a_visitor_where_no_account_is_needed(parts: Parts) -> None:
    stale = {"Cookie": "ments_session=" + "x" * 43}
    async with open_api(parts) as api:
        assert (await api.get("/api/feed", headers=stale)).status_code == 200
        assert (await api.get("/api/me", headers=stale)).json()["code"] == "session_expired"
        assert (await api.get("/api/me")).json()["code"] == "unauthenticated"
        post = await api.post("/api/posts", json={"content": "hello"}, headers=stale | FROM_US)
        assert (post.status_code, post.json()["code"]) == (401, "session_expired")
        page = await api.get("/login", headers=stale)
        assert "Max-Age=0" in page.headers["set-cookie"]


async def test_a_session_slides_once_a_day(parts: Parts) -> None:
    member = await make_member(parts)

    async def days_left() -> float:
        async with parts.primary.session() as session:
            row = await (
                await session.connection.execute(
                    "select extract(epoch from expires_at - now()) / 86400 as d from sessions"
                )
            ).fetchone()
        assert row is not None
        return float(row["d"])

    async with open_api(parts) as api:
        assert "set-cookie" not in (await api.get("/api/me", headers=cookie(member))).headers
        async with parts.primary.transaction() as tx:
            await tx.connection.execute("update sessions set expires_at = now() + interval '28 days'")
        await parts.valkey.client.flushdb()
        answer = await api.get("/api/me", headers=cookie(member))
        assert f"ments_session={member.token}; Max-Age={SESSION_S}" in answer.headers["set-cookie"]
        assert await days_left() > 29.9
        assert "set-cookie" not in (await api.get("/api/me", headers=cookie(member))).headers
        async with parts.primary.transaction() as tx:
            await tx.connection.execute("update sessions set expires_at = now() - interval '1 second'")
        await parts.valkey.client.flushdb()
        assert (await api.get("/api/me", headers=cookie(member))).status_code == 401


async def test_a_token_goes_before_a_cookie_and_needs_no_origin(parts: Parts) -> None:
    mara, lena = await make_member(parts), await make_member(parts)
    [token] = await create_tokens(parts, [lena.viewer.username])
    both = cookie(mara) | {"Authorization": f"bearer {token}"}
    async with open_api(parts) as api:
        assert (await api.get("/api/me", headers=both)).json()["username"] == lena.viewer.username
        assert (await api.post("/api/posts", json={"content": "by token"}, headers=both)).status_code == 201
        wrong = cookie(mara) | {"Authorization": "Bearer nonsense"}
        assert (await api.get("/api/me", headers=wrong)).status_code == 401


@pytest.mark.parametrize("through", ["edge", "api"])
async def test_the_stacks_processes_agree(stack: RunningStack, through: str) -> None:
    url = stack.url if through == "edge" else stack.status()["parts"]["api"]["url"]
    name = f"both_{through}"
    body = {"email": f"{name}@haldenair.com", "username": name, "password": "a long and odd sentence"}
    async with httpx2.AsyncClient(base_url=url) as client:
        made = await client.post("/api/auth/register", json=body, headers={"Origin": url})
        assert made.status_code == 201
        token = made.cookies["ments_session"]

    async def ask() -> int:
        # A connection of its own each time: the kernel gives it to one process or the other.
        async with httpx2.AsyncClient(base_url=url) as client:
            answer = await client.get("/api/me", headers={"Cookie": f"ments_session={token}"})
            return answer.status_code

    assert set(await asyncio.gather(*(ask() for _ in range(12)))) == {200}
    async with httpx2.AsyncClient(base_url=url) as client:
        headers = {"Cookie": f"ments_session={token}", "Origin": url}
        assert (await client.post("/api/auth/logout", headers=headers)).status_code == 204
    assert set(await asyncio.gather(*(ask() for _ in range(12)))) == {401}
