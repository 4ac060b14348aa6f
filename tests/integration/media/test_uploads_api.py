"""Uploads over HTTP: the signed request, the bytes in storage, completion by client and by notice, and every refusal."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

import originals
from eventually import eventually
from ments.media.actions import uploads
from ments.media.model import Upload, UploadStatus
from ments.media.rules import SIGNATURE_LIFETIME
from ments.media.tasks import sweep
from ments.parts import Parts
from posting import Member, fetch_row, list_jobs, make_member, open_api
from running_stack import RunningStack

MIB = 1024 * 1024


@asynccontextmanager
async def open_api_at(parts: Parts, stack: RunningStack) -> AsyncIterator[httpx2.AsyncClient]:
    """The API over the test's parts, asked under the edge's host, so that storage is reached through the edge."""
    async with open_api(parts) as api:
        api.headers["Host"] = httpx2.URL(stack.url).netloc.decode()
        yield api


async def start(api: httpx2.AsyncClient, member: Member, **body: Any) -> dict[str, Any]:
    answer = await api.post(
        "/api/uploads",
        json={"filename": "clip.mp4", "content_type": "video/mp4", "size": 1000, **body},
        headers=member.headers,
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def send(
    stack: RunningStack, signed: dict[str, Any], data: bytes | None, method: str | None = None
) -> httpx2.Response:
    """Do what a browser does with a signed request."""
    assert signed["url"].startswith(stack.url)
    async with httpx2.AsyncClient(timeout=30) as browser:
        return await browser.request(method or signed["method"], signed["url"], content=data, headers=signed["headers"])


def event_of(parts: Parts, key: str, size: int = 1000) -> dict[str, Any]:
    entry = {"name": key.rsplit("/", 1)[-1], "attributes": {"file_size": size}}
    return {
        "event_type": "create",
        "key": f"/buckets/{parts.settings.s3_bucket}/{key}",
        "message": {"new_entry": entry},
    }


async def tell(api: httpx2.AsyncClient, parts: Parts, key: str, token: str | None = None) -> httpx2.Response:
    secret = parts.settings.secret_for("storage-webhook") if token is None else token
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return await api.post("/api/webhooks/storage", json=event_of(parts, key), headers=headers)


async def test_a_file_goes_straight_to_storage_and_makes_one_job(parts: Parts, stack: RunningStack) -> None:
    mara = await make_member(parts)
    async with open_api_at(parts, stack) as api:
        upload = await start(api, mara, content_type="", filename="../../IMG_1.mp4")
        key = f"media/{upload['media_id']}/original"
        assert upload["method"] == "PUT"
        assert "Content-Length" not in upload["headers"]
        signed_s = int(httpx2.URL(upload["url"]).params["X-Amz-Expires"])
        told_s = (datetime.fromisoformat(upload["expires_at"]) - datetime.now(UTC)).total_seconds()
        assert abs(signed_s - told_s) < 10, "the signature lasts as long as the client is told"
        assert (await send(stack, upload, b"x" * 999)).status_code == 403
        early = await api.post(f"/api/uploads/{upload['id']}/complete", headers=mara.headers)
        assert (early.status_code, early.json()["code"]) == (409, "upload_missing")
        assert (await send(stack, upload, b"x" * 1000)).status_code == 200
        assert (await send(stack, upload, b"y" * 1000)).status_code == 412
        answers = await asyncio.gather(
            *(api.post(f"/api/uploads/{upload['id']}/complete", headers=mara.headers) for _ in range(4)),
            *(tell(api, parts, key) for _ in range(4)),
        )
        assert [answer.status_code for answer in answers] == [202] * 4 + [204] * 4
        assert {answer.json()["media_id"] for answer in answers[:4]} == {upload["media_id"]}
        again = await api.post(f"/api/uploads/{upload['id']}/complete", headers=mara.headers, json={})
        assert again.status_code == 202
        assert (await send(stack, upload, b"z" * 1000)).status_code == 412
        job = {"key": key, "opts": {"media_id": upload["media_id"]}, "account_id": str(mara.viewer.id)}
        assert await list_jobs(parts, "transcode") == [job]
        shown = (await api.get(f"/api/uploads/{upload['id']}", headers=mara.headers)).json()
        assert (shown["status"], shown["filename"], shown["media_id"]) == ("completed", "IMG_1.mp4", upload["media_id"])
        closed = await api.delete(f"/api/uploads/{upload['id']}", headers=mara.headers)
        assert (closed.status_code, closed.json()["code"]) == (409, "upload_closed")
        signed = await api.post(f"/api/uploads/{upload['id']}/sign", json={"method": "PUT"}, headers=mara.headers)
        assert (signed.status_code, signed.json()["code"]) == (409, "upload_completed")
    await parts.bucket.delete_prefix(f"media/{upload['media_id']}/")


async def test_the_notice_alone_is_enough_and_may_be_forged_by_nobody(parts: Parts, stack: RunningStack) -> None:
    mara = await make_member(parts)
    async with open_api_at(parts, stack) as api:
        upload = await start(api, mara)
        key = f"media/{upload['media_id']}/original"
        assert (await tell(api, parts, key)).status_code == 204
        assert (await send(stack, upload, b"x" * 1000)).status_code == 200
        for token in ("", "wrong", mara.token):
            assert (await tell(api, parts, key, token)).status_code == 401
        assert await list_jobs(parts, "transcode") == []
        for other in (f"media/{uuid4()}/original", "media/.uploads/x", key + "/", "notes.txt", "posts/x/original.mp4"):
            assert (await tell(api, parts, other)).status_code == 204
        assert await list_jobs(parts, "transcode") == []
        assert (await tell(api, parts, key)).status_code == 204
        assert len(await list_jobs(parts, "transcode")) == 1
    await parts.bucket.delete_prefix(f"media/{upload['media_id']}/")


async def test_an_upload_is_its_accounts_own(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:
        upload = await start(api, mara)
        address = f"/api/uploads/{upload['id']}"
        for headers, status in ((other.headers, 404), ({}, 401)):
            answers = [
                await api.get(address, headers=headers),
                await api.post(f"{address}/sign", json={"method": "PUT"}, headers=headers),
                await api.post(f"{address}/complete", headers=headers),
                await api.delete(address, headers=headers),
            ]
            assert [answer.status_code for answer in answers] == [status] * 4
        assert (await api.get(address, headers=mara.headers)).json()["status"] == "open"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"content_type": "text/html", "filename": "a.html"}, 415, "unsupported_type"),
        ({"content_type": "image/svg+xml", "filename": "a.svg"}, 415, "unsupported_type"),
        ({"content_type": "application/x-msdownload"}, 415, "unsupported_type"),
        ({"size": 2 * 1024 * MIB + 1}, 413, "too_large"),
        ({"size": 50_000_001, "content_type": "image/jpeg", "filename": "a.jpg"}, 413, "too_large"),
        ({"size": 0}, 422, "empty_file"),
        ({"size": -5}, 422, "empty_file"),
    ],
)
async def test_what_may_not_be_sent_is_refused_before_it_is_sent(
    parts: Parts, body: dict[str, Any], status: int, code: str
) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        full = {"filename": "clip.mp4", "content_type": "video/mp4", "size": 1000, **body}
        answer = await api.post("/api/uploads", json=full, headers=mara.headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await fetch_row(parts, "select count(*) as n from media"))["n"] == 0


async def test_open_uploads_are_bounded(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ments.media.rules.OPEN_UPLOADS_MAX", 3)
    mara, other = await make_member(parts), await make_member(parts)
    body = {"filename": "clip.mp4", "size": 1000}
    async with open_api(parts) as api:
        answers = await asyncio.gather(*(api.post("/api/uploads", json=body, headers=mara.headers) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 5
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert (refused.json()["code"], refused.headers["retry-after"]) == ("too_many_uploads", "60")
        assert (await api.post("/api/uploads", json=body, headers=other.headers)).status_code == 201
        first = next(answer for answer in answers if answer.status_code == 201)
        assert (await api.delete(f"/api/uploads/{first.json()['id']}", headers=mara.headers)).status_code == 204
        assert (await api.delete(f"/api/uploads/{first.json()['id']}", headers=mara.headers)).status_code == 204
        assert (await api.post("/api/uploads", json=body, headers=mara.headers)).status_code == 201


async def test_a_large_file_goes_in_parts_and_resumes(parts: Parts, stack: RunningStack) -> None:
    """As Uppy does it: it asks for each request, loses a part, lists what is there, and goes on."""
    mara = await make_member(parts)
    size = 65 * MIB
    async with open_api_at(parts, stack) as api:
        upload = await start(api, mara, size=size)
        assert "url" not in upload
        part_size = upload["part_size"]
        key = f"media/{upload['media_id']}/original"

        async def sign(**wanted: Any) -> dict[str, Any]:
            answer = await api.post(f"/api/uploads/{upload['id']}/sign", json=wanted, headers=mara.headers)
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        begun = await send(stack, await sign(method="POST"), b"")
        assert begun.status_code == 200
        upload_id = begun.text.split("<UploadId>")[1].split("<")[0]
        count = -(-size // part_size)
        etags: dict[int, str] = {}
        for number in range(1, count + 1):
            length = min(part_size, size - part_size * (number - 1))
            signed = await sign(method="PUT", upload_id=upload_id, part_number=number)
            if number == 2:
                assert (await send(stack, signed, b"x" * (length - 1))).status_code == 403
            sent = await send(stack, signed, bytes([number]) * length)
            assert sent.status_code == 200
            etags[number] = sent.headers["etag"].strip('"')
        listed = await send(stack, await sign(method="GET", upload_id=upload_id), None)
        assert listed.text.count("<PartNumber>") == count
        for wanted in (
            {"method": "PUT"},
            {"method": "PUT", "upload_id": upload_id},
            {"method": "PUT", "upload_id": upload_id, "part_number": count + 1},
            {"method": "PUT", "upload_id": "a b", "part_number": 1},
            {"method": "TRACE", "upload_id": upload_id},
        ):
            refused = await api.post(f"/api/uploads/{upload['id']}/sign", json=wanted, headers=mara.headers)
            assert refused.status_code == 422, wanted
        wrong = [{"number": number, "etag": "0" * 32} for number in etags]
        answer = await api.post(f"/api/uploads/{upload['id']}/complete", json={"parts": wrong}, headers=mara.headers)
        assert answer.status_code == 409
        named = [{"number": number, "etag": etag} for number, etag in etags.items()]
        for some in (named[1:], named + named[:1]):
            answer = await api.post(f"/api/uploads/{upload['id']}/complete", json={"parts": some}, headers=mara.headers)
            assert (answer.status_code, answer.json()["code"]) == (409, "parts_mismatch")
            assert answer.json()["missing"] == [number for number in etags if number not in {p["number"] for p in some}]
        for _ in range(2):
            done = await api.post(f"/api/uploads/{upload['id']}/complete", json={"parts": named}, headers=mara.headers)
            assert done.status_code == 202, done.text
        head = await parts.bucket.head(key)
        assert head is not None
        assert head.size == size
        assert len(await list_jobs(parts, "transcode")) == 1
    await parts.bucket.delete_prefix(f"media/{upload['media_id']}/")


async def test_a_cancellation_that_lost_to_the_completion_removes_nothing(
    parts: Parts, stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    mara = await make_member(parts)
    async with open_api_at(parts, stack) as api:
        upload = await start(api, mara)
        assert (await send(stack, upload, b"x" * 1000)).status_code == 200
        read = uploads.read_upload

        async def read_and_be_late(parts: Parts, account_id: UUID, upload_id: UUID) -> Upload:
            found = await read(parts, account_id, upload_id)
            if found.status is UploadStatus.OPEN:
                monkeypatch.setattr(uploads, "read_upload", read)
                assert (await api.post(f"/api/uploads/{upload_id}/complete", headers=mara.headers)).status_code == 202
            return found

        monkeypatch.setattr(uploads, "read_upload", read_and_be_late)
        late = await api.delete(f"/api/uploads/{upload['id']}", headers=mara.headers)
        assert (late.status_code, late.json()["code"]) == (409, "upload_closed")
        assert await parts.bucket.head(f"media/{upload['media_id']}/original") is not None
    await parts.bucket.delete_prefix(f"media/{upload['media_id']}/")


async def test_what_is_not_as_announced_is_removed(parts: Parts) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        upload = await start(api, mara)
        key = f"media/{upload['media_id']}/original"
        await parts.bucket.put_bytes(key, b"x" * 2000, "video/mp4")
        refused = await api.post(f"/api/uploads/{upload['id']}/complete", headers=mara.headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "size_mismatch")
        assert await parts.bucket.head(key) is None
        await parts.bucket.put_bytes(key, b"x" * 2000, "video/mp4")
        assert (await tell(api, parts, key)).status_code == 204
        assert await parts.bucket.head(key) is None
        assert await list_jobs(parts, "transcode") == []


async def test_what_arrives_after_the_cancel_is_removed(parts: Parts, stack: RunningStack) -> None:
    mara = await make_member(parts)
    async with open_api_at(parts, stack) as api:
        upload = await start(api, mara)
        key = f"media/{upload['media_id']}/original"
        assert (await api.delete(f"/api/uploads/{upload['id']}", headers=mara.headers)).status_code == 204
        assert (await send(stack, upload, b"x" * 1000)).status_code == 200
        gone = await api.post(f"/api/uploads/{upload['id']}/complete", headers=mara.headers)
        assert (gone.status_code, gone.json()["code"]) == (409, "upload_aborted")
        assert (await tell(api, parts, key)).status_code == 204
        assert await parts.bucket.head(key) is None
        assert (await api.get(f"/api/media/{upload['media_id']}", headers=mara.headers)).status_code == 404


async def test_abandoned_uploads_end(parts: Parts, stack: RunningStack) -> None:
    mara = await make_member(parts)
    async with open_api_at(parts, stack) as api:
        never_sent, half_sent = await start(api, mara), await start(api, mara, size=65 * MIB)
        signed = await api.post(f"/api/uploads/{half_sent['id']}/sign", json={"method": "POST"}, headers=mara.headers)
        assert (await send(stack, signed.json(), b"")).status_code == 200
        key = f"media/{half_sent['media_id']}/original"
        assert len(await parts.bucket.list_uploads(key)) == 1
        await sweep(parts)
        assert (await api.get(f"/api/uploads/{never_sent['id']}", headers=mara.headers)).json()["status"] == "open"
        await expire(parts)
        await sweep(parts)
        for upload in (never_sent, half_sent):
            shown = (await api.get(f"/api/uploads/{upload['id']}", headers=mara.headers)).json()
            assert shown["status"] == "expired"
        assert await parts.bucket.list_uploads(key) == []
        # What was signed before the end may still be sent; it is gone once no signature is good any more.
        assert (await send(stack, never_sent, b"x" * 1000)).status_code == 200
        assert (await send(stack, signed.json(), b"")).status_code == 200
        await expire(parts)
        await sweep(parts)
        assert await parts.bucket.head(f"media/{never_sent['media_id']}/original") is None
        assert await parts.bucket.list_uploads(key) == []
        for upload in (never_sent, half_sent):
            row = await fetch_row(
                parts, "select status, deadline_at from media where id = %s", UUID(upload["media_id"])
            )
            assert row == {"status": "erased", "deadline_at": None}
        late = await api.post(f"/api/uploads/{never_sent['id']}/complete", headers=mara.headers)
        assert (late.status_code, late.json()["code"]) == (409, "upload_expired")


async def test_no_signature_outlives_the_last_look_at_an_upload(parts: Parts, stack: RunningStack) -> None:
    mara = await make_member(parts)
    async with open_api_at(parts, stack) as api:
        upload = await start(api, mara, size=65 * MIB)
        async with parts.primary.transaction() as tx:
            await tx.connection.execute("update uploads set expires_at = now() - interval '50 minutes'")
        wanted = {"method": "PUT", "upload_id": "any", "part_number": 1}
        signed = (await api.post(f"/api/uploads/{upload['id']}/sign", json=wanted, headers=mara.headers)).json()
    ended = await fetch_row(parts, "select expires_at from uploads where id = %s", UUID(upload["id"]))
    assert datetime.fromisoformat(signed["expires_at"]) <= ended["expires_at"] + SIGNATURE_LIFETIME


async def expire(parts: Parts) -> None:
    """Let a day pass for every deadline."""
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "update media set deadline_at = now() - interval '1 s' where deadline_at is not null"
        )


@asynccontextmanager
async def sign_up(stack: RunningStack) -> AsyncIterator[httpx2.AsyncClient]:
    """A new member's browser, at the stack's edge."""
    name = f"m{uuid4().hex[:12]}"
    account = {"email": f"{name}@ments.example", "username": name, "password": "a long and odd sentence"}
    async with httpx2.AsyncClient(base_url=stack.url, timeout=30, headers={"Origin": stack.url}) as api:
        assert (await api.post("/api/auth/register", json=account)).status_code == 201
        yield api


async def test_a_phone_video_from_upload_to_the_edge(stack: RunningStack, tmp_path: Path) -> None:
    """The whole way with the stack's own processes: API, storage, notice, relay, worker, edge."""
    source = originals.make_phone_video(tmp_path / "IMG_7.MOV")
    data = source.read_bytes()
    async with sign_up(stack) as api:
        body = {"filename": source.name, "content_type": "video/quicktime", "size": len(data)}
        upload = (await api.post("/api/uploads", json=body)).json()
        sent = await api.put(upload["url"], content=data, headers=upload["headers"])
        assert sent.status_code == 200, sent.text
        done = await api.post(f"/api/uploads/{upload['id']}/complete")
        assert done.status_code == 202, done.text
        media_id = done.json()["media_id"]
        seen: list[str] = []
        async with api.stream("GET", f"/api/media/{media_id}/events", timeout=90) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            seen += [line async for line in stream.aiter_lines()]
        assert "event: end" in seen
        media = (await api.get(f"/api/media/{media_id}")).json()
        assert (media["status"], media["progress"], media["error"]) == ("ready", 1.0, None)
        assert (media["width"], media["height"]) == (720, 1280)
        assert media["media_url"].startswith("/m/")
        got = await api.get(media["media_url"], headers={"Range": "bytes=4-7"})
        assert (got.status_code, got.content) == (206, b"ftyp")
        assert got.headers["content-type"] == "video/mp4"
        assert (await api.get(media["poster_url"])).headers["content-type"] == "image/jpeg"
        post = await api.post("/api/posts", json={"content": "Look", "media_ids": [media_id]})
        assert post.status_code == 201, post.text
        async with httpx2.AsyncClient(base_url=stack.url, timeout=30) as stranger:
            for _ in range(100):
                found = await stranger.get(f"/api/media/{media_id}")
                if found.status_code == 200 and found.json()["media_url"]:
                    break
                await asyncio.sleep(0.2)
            public = found.json()["media_url"]
            assert public.startswith(f"/p/{media_id}/p")
            assert (await stranger.get(public)).content[4:8] == b"ftyp"


async def test_storage_itself_tells_of_a_file_whose_client_went_away(stack: RunningStack, tmp_path: Path) -> None:
    data = originals.written(tmp_path / "a.mp4", b"not a film").read_bytes()
    async with sign_up(stack) as api:
        media: dict[str, Any] = {}
        # Storage tells once, and gives up after 5 s: then the file is there for nobody, until somebody asks.
        for _ in range(3):
            upload = (await api.post("/api/uploads", json={"filename": "a.mp4", "size": len(data)})).json()
            assert (await api.put(upload["url"], content=data, headers=upload["headers"])).status_code == 200
            media = await _final_or_not(api, upload["media_id"], within_s=30)
            if media["status"] == "failed":
                break
        assert media["error"]["code"] == "unreadable"


async def _final_or_not(api: httpx2.AsyncClient, media_id: str, within_s: float) -> dict[str, Any]:
    """The media once they failed, or as they are by then."""
    ends_at = time.monotonic() + within_s
    while True:
        media: dict[str, Any] = (await api.get(f"/api/media/{media_id}")).json()
        if media["status"] == "failed" or time.monotonic() > ends_at:
            return media
        await asyncio.sleep(0.2)


async def test_a_stream_that_is_left_frees_its_place(stack: RunningStack) -> None:
    async with sign_up(stack) as api:
        upload = (await api.post("/api/uploads", json={"filename": "a.mp4", "size": 9})).json()
        address = f"/api/media/{upload['media_id']}/events"

        async def is_let_in() -> bool:
            async with api.stream("GET", address) as stream:
                if stream.status_code == 429:
                    # The others have been left, which the server may not have noticed yet.
                    assert json.loads(await stream.aread())["code"] == "too_many_streams"
                    await asyncio.sleep(0.5)
                    return False
                assert stream.status_code == 200
                return await anext(stream.aiter_lines()) == "retry: 3000"

        for _ in range(16):
            await eventually(is_let_in)
            await asyncio.sleep(0.2)
