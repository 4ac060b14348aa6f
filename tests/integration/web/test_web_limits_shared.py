"""Limits that all processes count together, and that never shut when Valkey is gone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ments.app import open_parts
from ments.cache import Valkey
from ments.errors import TooMany
from ments.parts import Parts
from ments.web import limits
from ments.web.limits import Limit, give_back, spend, take
from posting import make_member, open_api
from valkey_server import ValkeyServer

THREE = Limit("three", 3, 60, "Too many.")


async def test_processes_count_together_and_exactly(parts: Parts) -> None:
    async with open_parts(parts.settings) as other:
        uses = await asyncio.gather(*(take(each.valkey, THREE, "x") for each in (parts, other) for _ in range(10)))
    assert sum(use.taken for use in uses) == 3
    assert (await take(parts.valkey, THREE, "another")).taken


async def test_a_window_ends_by_itself(parts: Parts) -> None:
    short = Limit("short", 1, 1, "Too many.")
    await spend(parts.valkey, short, "x")
    with pytest.raises(TooMany) as raised:
        await spend(parts.valkey, short, "x")
    assert raised.value.retry_after_s == 1
    await asyncio.sleep(1.1)
    await spend(parts.valkey, short, "x")


async def test_a_use_is_given_back(parts: Parts) -> None:
    for _ in range(5):
        await spend(parts.valkey, THREE, "x")
        await give_back(parts.valkey, THREE, "x")


async def test_a_member_reaches_the_limit_and_is_told_when_to_come_back(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.WRITE_LIMITS, "writes", THREE)
    mara, lena = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:
        made = [await api.post("/api/posts", json={"content": str(n)}, headers=mara.headers) for n in range(4)]
        assert [answer.status_code for answer in made] == [201, 201, 201, 429]
        assert 1 <= int(made[3].headers["retry-after"]) <= 60
        assert made[3].json()["code"] == "too_many_requests"
        assert (await api.get("/api/me", headers=mara.headers)).status_code == 200
        assert (await api.post("/api/posts", json={"content": "x"}, headers=lena.headers)).status_code == 201


async def test_sign_ins_are_counted_by_the_address_the_edge_saw(parts: Parts) -> None:
    async with open_api(parts) as api:

        async def tried(n: int, **headers: str) -> int:
            body = {"login": f"nobody{n}", "password": ""}
            answer = await api.post("/api/auth/login", json=body, headers=headers)
            return answer.status_code

        forged = [await tried(n, **{"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(limits.SIGN_INS.most + 3)]
        assert forged[-3:] == [429] * 3
        assert forged.count(422) == limits.SIGN_INS.most >= 30
        edge = {"X-Ments-Edge": parts.settings.secret_for("edge")}
        assert await tried(0, **edge, **{"X-Forwarded-For": "198.51.100.1"}) == 422


async def test_without_valkey_writes_go_on_and_guessing_stays_bounded(parts: Parts, tmp_path: Path) -> None:
    server = ValkeyServer(tmp_path)
    server.start()
    valkey = Valkey(server.url)
    own = replace(parts, valkey=valkey)
    try:
        member = await make_member(own)
        server.kill()
        async with open_api(own) as api:
            written = await api.post("/api/posts", json={"content": "still here"}, headers=member.headers)
            assert written.status_code == 201
            body = {"login": member.viewer.username, "password": "wrong"}
            tries = [(await api.post("/api/auth/login", json=body)).status_code for _ in range(7)]
            assert tries == [401] * 5 + [429] * 2
    finally:
        await valkey.close()
        server.kill()
