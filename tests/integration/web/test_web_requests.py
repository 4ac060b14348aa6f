"""What is refused, how it is said, and what every answer carries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from ments.db import Primary
from ments.parts import Parts
from posting import ORIGIN, make_member, open_api

DEEP = b'{"login":' + b"[" * 50_000 + b"]" * 50_000 + b"}"


def is_problem(answer: httpx2.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["trace_id"] == answer.headers["x-trace-id"]
    assert answer.headers["cache-control"] == "private, no-store"
    for trace in ("Traceback", "/src/ments", "psycopg", "litestar"):
        assert trace not in answer.text


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_body"),
        (b"\xff\xfe", "application/json", 400, "malformed_body"),
        (b'{"login":"\xff","password":"x"}', "application/json", 400, "malformed_body"),
        (b'{"login":"\\ud800","password":"x"}', "application/json", 400, "malformed_body"),
        (b'{"login":"a\\u0000b","password":"x"}', "application/json", 400, "malformed_body"),
        (DEEP, "application/json", 400, "nested_too_deeply"),
        (b"[" * 500_000, "application/json", 400, "nested_too_deeply"),
        (b'{"login":"' + b"a" * 1_100_000 + b'"}', "application/json", 413, "body_too_large"),
        (b"", "application/json", 400, "invalid_request"),
        (b"[]", "application/json", 400, "invalid_request"),
        (b"null", "application/json", 400, "invalid_request"),
        (b'{"login":"a"}', "application/json", 400, "invalid_request"),
        (b'{"login":["a"],"password":{}}', "application/json", 400, "invalid_request"),
        (b"login=a&password=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"hello", "text/plain", 415, "unsupported_media_type"),
        (b'{"login":"","password":""}', "application/json", 422, "invalid_fields"),
    ],
)
async def test_bad_bodies(parts: Parts, body: bytes, content_type: str, status: int, code: str) -> None:
    async with open_api(parts) as api:
        answer = await api.post("/api/auth/login", content=body, headers={"Content-Type": content_type})
    is_problem(answer, status, code)


async def test_a_body_without_a_length_is_bounded_too(parts: Parts) -> None:
    async def pieces() -> Any:
        for _ in range(40):
            yield b"x" * 65_536

    async with open_api(parts) as api:
        answer = await api.post("/api/auth/login", content=pieces(), headers={"Content-Type": "application/json"})
    is_problem(answer, 413, "body_too_large")


async def test_wrong_addresses_and_methods(parts: Parts) -> None:
    async with open_api(parts) as api:
        is_problem(await api.get("/api/nothing"), 404, "not_found")
        wrong = await api.put("/api/auth/login")
        is_problem(wrong, 405, "method_not_allowed")
        assert "POST" in wrong.headers["allow"]
        is_problem(await api.get("/nothing", headers={"Accept": "application/json"}), 404, "not_found")
        page = await api.get("/nothing", headers={"Accept": "text/html"})
        assert page.status_code == 404
        assert page.headers["content-type"].startswith("text/")


async def test_a_write_with_a_cookie_comes_from_our_own_pages(parts: Parts) -> None:
    member = await make_member(parts)
    cookie = {"Cookie": f"ments_session={member.token}"}
    async with open_api(parts) as api:
        for headers in (
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://ments.test:81"},
            {"Origin": "https://ments.test"},
            {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
            # Not from the edge, so not believed.
            {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        ):
            is_problem(
                await api.post("/api/posts", json={"content": "no"}, headers=cookie | headers), 403, "cross_site"
            )
        headers = cookie | {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
        assert (await api.post("/api/posts", json={"content": "yes"}, headers=headers)).status_code == 201
        from_the_edge = {
            "X-Ments-Edge": parts.settings.secret_for("edge"),
            "X-Forwarded-Host": "ments.example",
            "X-Forwarded-Proto": "https",
            "Origin": "https://ments.example",
        }
        assert (
            await api.post("/api/posts", json={"content": "yes"}, headers=cookie | from_the_edge)
        ).status_code == 201
        feed = (await api.get("/api/feed", headers=cookie)).json()
        assert {post["content"] for post in feed["posts"]} == {"yes"}


async def test_only_visitors_copies_may_be_shared(parts: Parts) -> None:
    member = await make_member(parts)
    async with open_api(parts) as api:
        visitor = await api.get("/api/feed")
        assert visitor.headers["cache-control"] == "public, max-age=1, stale-while-revalidate=5"
        assert "cookie" in visitor.headers["vary"].lower()
        assert "set-cookie" not in visitor.headers
        for headers in (
            {"Cookie": f"ments_session={member.token}"},
            {"Cookie": "ments_session=stale"},
            {"Authorization": f"Bearer {member.token}"},
        ):
            assert (await api.get("/api/feed", headers=headers)).headers["cache-control"] == "private, no-store"
        assert (await api.get("/api/feed", params={"cursor": "%%%"})).headers["cache-control"] == "private, no-store"


async def test_every_answer_is_guarded(parts: Parts) -> None:
    async with open_api(parts) as api:
        for path in ("/api/health", "/api/nothing", "/nothing", "/api/feed"):
            answer = await api.get(path)
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["referrer-policy"] == "same-origin"


async def test_head_answers_as_get_without_the_body(parts: Parts) -> None:
    async with open_api(parts) as api:
        head, get = await api.head("/api/environments"), await api.get("/api/environments")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


async def test_the_schema_is_served_and_loads_nothing(parts: Parts) -> None:
    async with open_api(parts) as api:
        answer = await api.get("/schema")
        assert answer.status_code == 200
        document = answer.json()
        assert "/api/auth/login" in document["paths"]
        assert (await api.get("/schema/swagger")).status_code == 404


async def test_ready_names_the_part_that_does_not_answer(parts: Parts) -> None:
    async with open_api(parts) as api:
        well = await api.get("/api/ready")
        assert well.json() == {
            "ready": True,
            "parts": {"database": "ok", "replica": "ok", "valkey": "ok", "storage": "ok"},
        }
        health = (await api.get("/api/health")).json()
        assert health["status"] == "ok"
        assert health["timestamp"]
    nowhere = Primary("postgresql://ments:hunter2@127.0.0.1:9/ments")
    await nowhere.open()
    try:
        async with open_api(replace(parts, primary=nowhere)) as api:
            ill = await api.get("/api/ready")
            assert ill.status_code == 503
            assert {name for name, state in ill.json()["parts"].items() if state != "ok"} == {"database"}
            assert "hunter2" not in ill.text
            assert (await api.get("/api/health")).status_code == 200
    finally:
        await nowhere.close()
