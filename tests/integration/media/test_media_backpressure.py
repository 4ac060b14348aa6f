"""Uploads while the media workers are far behind: new ones are put off with words, what was begun is taken, all else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from ments.jobs import JobQueues
from ments.jobs.backlog import Backlog
from ments.parts import Parts
from posting import Member, fetch_row, list_jobs, make_member, open_api
from running_stack import RunningStack

FILE = {"filename": "clip.mp4", "content_type": "video/mp4", "size": 1000}
WAITING_MAX, WAIT_MAX_S = 5, 600
# A verdict is kept for a second.
FORGOTTEN_S = 1.05


@pytest_asyncio.fixture(loop_scope="session")
async def bounded(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parts]:
    """The parts with bounds that a test can reach, and no verdict from before; a look is waited for, however long it takes."""
    monkeypatch.setattr("ments.jobs.backlog._ASK_TIMEOUT_S", 30.0)
    async with aclosing(JobQueues(parts.settings.redis_url)) as queues:
        backlog = Backlog(parts.primary, queues, "media", waiting_max=WAITING_MAX, wait_max_s=WAIT_MAX_S)
        yield replace(parts, backlogs=(backlog,))


@asynccontextmanager
async def open_api_at(parts: Parts, stack: RunningStack) -> AsyncIterator[httpx2.AsyncClient]:
    """The API over the test's parts, asked under the edge's host, so that storage is reached through the edge."""
    async with open_api(parts) as api:
        api.headers["Host"] = httpx2.URL(stack.url).netloc.decode()
        yield api


async def let_wait(parts: Parts, jobs: int, *, due_s: int = 0) -> None:
    """Let media jobs of somebody wait that became due `due_s` ago."""
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            """
            insert into jobs (id, queue, task, payload, turn, state, attempts_max, backoff_s, due_at)
            select gen_random_uuid(), 'media', 'transcode', '{"key": "x"}', n, 'queued', 3, 2,
              clock_timestamp() - make_interval(secs => %s)
            from generate_series(1, %s) as n
            """,
            [due_s, jobs],
        )


async def work_off(parts: Parts, jobs: int) -> None:
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            """
            update jobs set state = 'done', finished_at = clock_timestamp()
            where id in (select id from jobs where state = 'queued' order by turn limit %s)
            """,
            [jobs],
        )


async def start(api: httpx2.AsyncClient, member: Member, **body: Any) -> httpx2.Response:
    return await api.post("/api/uploads", json={**FILE, **body}, headers=member.headers)


async def count_uploads(parts: Parts) -> int:
    found = await fetch_row(parts, "select (select count(*) from uploads) + (select count(*) from media) as rows")
    return int(found["rows"])


def put_off(reason: str) -> float:
    return REGISTRY.get_sample_value("ments_uploads_put_off_total", {"reason": reason}) or 0.0


async def test_new_uploads_of_anybody_are_put_off_and_nothing_is_made_of_them(bounded: Parts) -> None:
    mara, other = await make_member(bounded), await make_member(bounded)
    await let_wait(bounded, WAITING_MAX + 1)
    before = put_off("depth")
    async with open_api(bounded) as api:
        with capture_logs() as lines:
            answers = [await start(api, mara), await start(api, other), await start(api, mara, filename="a.jpg")]
        for answer in answers:
            assert answer.status_code == 503
            assert answer.headers["Content-Type"] == "application/problem+json"
            problem = answer.json()
            assert problem["code"] == "media_backlog"
            assert problem["status"] == 503
            assert 5 <= int(answer.headers["Retry-After"]) <= 600
            assert problem["retry_after_s"] == int(answer.headers["Retry-After"])
            assert "waiting to be prepared" in problem["detail"]
            assert "Try again in about a minute" in problem["detail"]
        assert await count_uploads(bounded) == 0
        assert put_off("depth") - before == 3
        assert not [line for line in lines if line["log_level"] == "error"]
        assert [line["reason"] for line in lines if line["event"] == "backlog_refuses"] == ["depth"]
        # What could not be taken anyway is told so at once: waiting would not help.
        assert (await start(api, mara, filename="a.html", content_type="text/html")).status_code == 415


async def test_all_that_is_light_goes_on(bounded: Parts) -> None:
    mara = await make_member(bounded)
    await let_wait(bounded, WAITING_MAX + 1)
    async with open_api(bounded) as api:
        assert (await start(api, mara)).status_code == 503
        posted = await api.post("/api/posts", json={"content": "Words go out."}, headers=mara.headers)
        assert posted.status_code == 201
        shown = await api.get("/api/feed", headers=mara.headers)
        assert posted.json()["id"] in shown.text
        assert (await api.delete(f"/api/posts/{posted.json()['id']}", headers=mara.headers)).status_code in (200, 204)


async def test_an_upload_that_was_begun_is_taken(bounded: Parts, stack: RunningStack) -> None:
    mara = await make_member(bounded)
    async with open_api_at(bounded, stack) as api:
        upload = (await start(api, mara)).json()
        long_one = (await start(api, mara, size=200 * 1024 * 1024)).json()
        await let_wait(bounded, WAITING_MAX + 1)
        await asyncio.sleep(FORGOTTEN_S)
        assert (await start(api, mara)).status_code == 503
        signed = await api.post(f"/api/uploads/{long_one['id']}/sign", json={"method": "POST"}, headers=mara.headers)
        assert signed.status_code == 200
        async with httpx2.AsyncClient(timeout=30) as browser:
            sent = await browser.request("PUT", upload["url"], content=b"x" * 1000, headers=upload["headers"])
        assert sent.status_code == 200
        done = await api.post(f"/api/uploads/{upload['id']}/complete", headers=mara.headers)
        assert (done.status_code, done.json()) == (202, {"media_id": upload["media_id"]})
        key = f"media/{upload['media_id']}/original"
        assert key in [payload["key"] for payload in await list_jobs(bounded, "transcode")]
    await bounded.bucket.delete_prefix(f"media/{upload['media_id']}/")


async def test_it_ends_by_itself_when_there_is_room(bounded: Parts) -> None:
    mara = await make_member(bounded)
    await let_wait(bounded, WAITING_MAX + 3)
    async with open_api(bounded) as api:
        assert (await start(api, mara)).status_code == 503
        await work_off(bounded, 2)
        await asyncio.sleep(FORGOTTEN_S)
        assert (await start(api, mara)).status_code == 503
        await work_off(bounded, 1)
        await asyncio.sleep(FORGOTTEN_S)
        assert (await start(api, mara)).status_code == 201


async def test_one_job_that_has_waited_too_long_is_enough(bounded: Parts) -> None:
    mara = await make_member(bounded)
    await let_wait(bounded, 1, due_s=WAIT_MAX_S + 30)
    before = put_off("age")
    async with open_api(bounded) as api:
        answer = await start(api, mara)
        assert (answer.status_code, answer.json()["code"]) == (503, "media_backlog")
        # Nothing has ended for five minutes: nobody works.
        assert answer.headers["Retry-After"] == "600"
        assert "10 minutes" in answer.json()["detail"]
        assert put_off("age") - before == 1
        await work_off(bounded, 1)
        await asyncio.sleep(FORGOTTEN_S)
        assert (await start(api, mara)).status_code == 201
