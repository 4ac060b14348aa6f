"""/api/ops/jobs: for operators, and for nobody else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from dead_letters import bury, count_states, make_operator, rows_of
from ments.jobs import JobQueues, Outbox
from ments.jobs.bindings import Bindings
from ments.jobs.model import QUEUES
from ments.parts import Parts
from posting import ORIGIN, make_member, open_api

SECRET = "what a member wrote in confidence"
# Written out, since it is part of the names of tests.
JOB = UUID("3f1c9a52-7a0e-4d3a-9a63-2f6f0f3f9d11")
READS = ("/api/ops/jobs", "/api/ops/jobs/dead", f"/api/ops/jobs/{JOB}")
WRITES = (
    "/api/ops/jobs/retry",
    "/api/ops/jobs/discard",
    f"/api/ops/jobs/{JOB}/retry",
    f"/api/ops/jobs/{JOB}/discard",
)


@pytest.mark.parametrize("path", [*READS, *WRITES])
async def test_a_visitor_is_asked_to_sign_in_and_a_member_is_refused(parts: Parts, path: str) -> None:
    await bury(parts, 2, note=SECRET)
    member = await make_member(parts)
    async with open_api(parts) as api:
        for headers, status, code in (({}, 401, "unauthenticated"), (member.headers, 403, "forbidden")):
            method = "GET" if path in READS else "POST"
            answer = await api.request(
                method, path, headers=headers, json={"all": True} if path in WRITES[:2] else None
            )
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["cache-control"] == "private, no-store"
            assert SECRET not in answer.text
    assert await count_states(parts) == {"dead": 2}


async def test_a_write_by_cookie_needs_our_origin(parts: Parts) -> None:
    await bury(parts)
    operator = await make_operator(parts)
    cookie = {"Cookie": f"ments_session={operator.token}"}
    async with open_api(parts) as api:
        for headers in (cookie, cookie | {"Origin": "https://elsewhere.example"}):
            refused = await api.post("/api/ops/jobs/retry", json={"all": True}, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "cross_site")
        assert await count_states(parts) == {"dead": 1}
        done = await api.post("/api/ops/jobs/retry", json={"all": True}, headers=cookie | {"Origin": ORIGIN})
        assert (done.status_code, done.json()) == (200, {"retried": 1, "complete": True})


async def test_pages_of_dead_letters_and_one_with_everything(parts: Parts) -> None:
    operator = await make_operator(parts)
    ids = await bury(parts, 25, note=SECRET, account_id=operator.viewer.id)
    await bury(parts, 3, queue="media", task="transcode")
    async with open_api(parts) as api:
        first = (await api.get("/api/ops/jobs/dead?task=fold", headers=operator.headers)).json()
        assert [job["id"] for job in first["jobs"]] == [str(job_id) for job_id in ids[:20]]
        assert first["has_more"] is True
        assert first["jobs"][0]["cause"].startswith("The file stops in the middle")
        second = await api.get(
            "/api/ops/jobs/dead", params={"task": "fold", "cursor": first["cursor"]}, headers=operator.headers
        )
        assert [job["id"] for job in second.json()["jobs"]] == [str(job_id) for job_id in ids[20:]]
        assert (second.json()["cursor"], second.json()["has_more"]) == (None, False)
        assert SECRET not in second.text
        forged = await api.get("/api/ops/jobs/dead?cursor=AAAA", headers=operator.headers)
        assert (forged.status_code, forged.json()["code"]) == (400, "bad_cursor")

        answer = await api.get(f"/api/ops/jobs/{ids[0]}", headers=operator.headers)
        assert answer.headers["cache-control"] == "private, no-store"
        job = answer.json()
        assert job["payload"]["note"] == SECRET
        assert len(job["stacks"]) == 2
        assert job["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert (job["attempts"], job["attempts_max"], job["crashes"], job["state"]) == (3, 3, 1, "dead")
        assert job["account"] == operator.viewer.username
        gone = await api.get(f"/api/ops/jobs/{uuid4()}", headers=operator.headers)
        assert (gone.status_code, gone.json()["code"]) == (404, "job_not_found")


async def test_one_is_retried_once_and_discarded_never_after(parts: Parts) -> None:
    operator = await make_operator(parts)
    first, second = await bury(parts, 2)
    async with open_api(parts) as api:
        done = await api.post(f"/api/ops/jobs/{first}/retry", headers=operator.headers)
        assert done.status_code == 200
        assert (done.json()["state"] in ("accepted", "queued"), done.json()["revived"]) == (True, True)
        for verb in ("retry", "discard"):
            again = await api.post(f"/api/ops/jobs/{first}/{verb}", headers=operator.headers)
            assert (again.status_code, again.json()["code"]) == (409, "job_not_dead")
        given_up = await api.post(f"/api/ops/jobs/{second}/discard", headers=operator.headers)
        assert given_up.json()["state"] == "discarded"
        assert given_up.json()["stacks"] != []
        nobody = await api.post(f"/api/ops/jobs/{uuid4()}/retry", headers=operator.headers)
        assert nobody.status_code == 404


async def test_an_unclear_choice_is_refused_and_changes_nothing(parts: Parts) -> None:
    operator = await make_operator(parts)
    await bury(parts, 3)
    async with open_api(parts) as api:
        for verb in ("retry", "discard"):
            for body in ({}, {"queue": ""}, {"all": True, "queue": "media"}, {"ids": []}):
                refused = await api.post(f"/api/ops/jobs/{verb}", json=body, headers=operator.headers)
                assert (refused.status_code, refused.json()["code"]) == (422, "unclear_selection"), body
            odd = await api.post(f"/api/ops/jobs/{verb}", json={"ids": ["x"]}, headers=operator.headers)
            assert odd.status_code == 400
    assert await count_states(parts) == {"dead": 3}


async def test_two_operators_share_three_thousand(parts: Parts) -> None:
    ada, ben = await make_operator(parts), await make_operator(parts)
    await bury(parts, 3_000, code="timeout")
    kept = await bury(parts, 5, code="permanent")
    async with open_api(parts) as api:
        answers = await asyncio.gather(
            api.post("/api/ops/jobs/retry", json={"code": "timeout"}, headers=ada.headers),
            api.post("/api/ops/jobs/retry", json={"code": "timeout"}, headers=ben.headers),
        )
        assert [answer.status_code for answer in answers] == [200, 200]
        assert sum(answer.json()["retried"] for answer in answers) == 3_000
        named = await api.post(
            "/api/ops/jobs/discard", json={"ids": [str(job_id) for job_id in kept[:2]]}, headers=ada.headers
        )
        assert named.json() == {"discarded": 2, "complete": True}
    found = await rows_of(parts, "select state, min(generation), max(generation) from jobs group by state order by 1")
    states = {row["state"]: (row["min"], row["max"]) for row in found}
    assert states["dead"] == states["discarded"] == (1, 1)
    assert all(states[name] == (2, 2) for name in states.keys() - {"dead", "discarded"})


async def test_the_overview_counts_both_and_says_who_does_what(parts: Parts) -> None:
    operator = await make_operator(parts)
    await bury(parts, 2, queue="media")
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            """
            insert into job_workers (name, slots, seen_at) values
              ('alive-1', '{"media": 2}', clock_timestamp()), ('gone-1', '{"default": 4}', clock_timestamp() - interval '5 min');
            insert into jobs (id, queue, task, payload, state, attempts_max, backoff_s, due_at, started_at, heartbeat_at,
                              deadline_at, owner, lease)
            select gen_random_uuid(), 'media', 'transcode', '{}', 'running', 3, 2, now() - interval '1 min',
                   now() - interval '40 s', clock_timestamp(), now() + interval '9 min', owner, 1
            from unnest(array['alive-1', 'unheard-of']) as owner;
            insert into jobs (id, queue, task, payload, state, attempts_max, backoff_s, due_at)
            select gen_random_uuid(), 'default', 'fold', '{}', 'queued', 3, 2, now() + make_interval(secs => s)
            from unnest(array[-90, -10, 600]) as s;
            insert into jobs (id, queue, task, payload, state, attempts_max, backoff_s, due_at, started_at, finished_at)
            select gen_random_uuid(), 'default', 'fold', '{}', 'done', 3, 2, t - interval '3 s', t - interval '2 s', t
            from generate_series(1, 10) as n, lateral (select now() - make_interval(secs => n * 10) as t) as ended;
            """
        )
    async with open_api(parts) as api:
        found = (await api.get("/api/ops/jobs", headers=operator.headers)).json()
    queues = {queue["queue"]: queue for queue in found["queues"]}
    media, default = queues["media"], queues["default"]
    assert (media["running"], media["dead"], media["dead_1m"]) == (2, 2, 2)
    assert (default["waiting"], default["delayed"], default["running"]) == (2, 1, 0)
    assert 89 < default["oldest_s"] < 180
    assert (default["done_1m"], default["done_5m"]) in ((5, 2), (6, 2))
    assert default["wait_s"] == {"p50": 1.0, "p95": 1.0}
    assert default["run_s"] == {"p50": 2.0, "p95": 2.0}
    assert default["entries"]["waiting"] == 0
    workers = {worker["name"]: worker for worker in found["workers"]}
    assert (workers["alive-1"]["alive"], workers["gone-1"]["alive"]) == (True, False)
    (job,) = workers["alive-1"]["running"]
    assert job["task"] == "transcode"
    assert 39 < job["running_s"] < 100
    assert [stray["owner"] for stray in found["strays"]] == ["unheard-of"]
    assert found["verdict"]["mood"] == "trouble"
    assert "No worker takes default jobs, and 2 wait" in found["verdict"]["detail"]
    assert found["dead_kinds"] == [{"queue": "media", "task": "fold", "code": "permanent", "jobs": 2}]


async def test_the_overview_stands_without_valkey(parts: Parts) -> None:
    operator = await make_operator(parts)
    async with open_api(parts) as api:
        assert (await api.get("/api/ops/jobs", headers=operator.headers)).json()["verdict"]["mood"] == "well"
    nowhere = JobQueues("redis://127.0.0.1:1/0")
    away = replace(
        parts, outbox=Outbox(parts.primary, nowhere, Bindings({}, [])), pages=type(parts.pages)(parts.valkey)
    )
    async with open_api(away) as api:
        found = await api.get("/api/ops/jobs", headers=operator.headers)
        assert found.status_code == 200
        assert "Valkey does not answer" in found.json()["verdict"]["detail"]
        assert [queue["entries"] for queue in found.json()["queues"]] == [None] * len(QUEUES)
    await nowhere.aclose()
