"""The operators' pages as plain pages and forms, without a script."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from dead_letters import bury, count_states, make_operator, rows_of
from ments.parts import Parts
from posting import ORIGIN, Member, make_member, open_api

SECRET = "what a member wrote in confidence"


def as_person(member: Member | None) -> dict[str, str]:
    cookie = {"Cookie": f"ments_session={member.token}"} if member else {}
    return {"Accept": "text/html", "Origin": ORIGIN, **cookie}


async def test_only_operators_find_the_way_and_get_in(parts: Parts) -> None:
    (job_id,) = await bury(parts, note=SECRET)
    member, operator = await make_member(parts), await make_operator(parts)
    pages = (
        "/ops",
        "/ops/jobs",
        "/ops/jobs/now",
        "/ops/jobs/retry",
        f"/ops/jobs/{job_id}",
        f"/ops/jobs/{job_id}/discard",
    )
    forms = ("/ops/jobs/retry", "/ops/jobs/discard", f"/ops/jobs/{job_id}/retry", f"/ops/jobs/{job_id}/discard")
    async with open_api(parts) as api:
        for path in pages:
            asked = await api.get(path, headers=as_person(None))
            assert (asked.status_code, asked.headers["location"]) == (302, f"/?redirect={path}")
        for method, path in [*(("GET", path) for path in pages), *(("POST", path) for path in forms)]:
            refused = await api.request(method, path, headers=as_person(member))
            assert refused.status_code == 403, path
            assert "That is not yours to open" in refused.text
            assert SECRET not in refused.text
            assert refused.headers["cache-control"] == "private, no-store"
        assert "/ops/jobs" not in (await api.get("/?kind=latest", headers=as_person(member))).text
        assert (await api.get("/?kind=latest", headers=as_person(operator))).text.count('href="/ops/jobs"') == 2
        start = await api.get("/ops", headers=as_person(operator))
        assert (start.status_code, start.headers["location"]) == (303, "/ops/jobs")
    assert await count_states(parts) == {"dead": 1}


async def test_a_quiet_place_says_so(parts: Parts) -> None:
    operator = await make_operator(parts)
    async with open_api(parts) as api:
        page = await api.get("/ops/jobs", headers=as_person(operator))
        assert page.headers["cache-control"] == "private, no-store"
        for words in ("Healthy", "Nothing waits.", "No dead letters", "No worker has been seen"):
            assert words in page.text
        assert "Retry all" not in page.text


async def test_dead_letters_are_read_filtered_and_turned_over(parts: Parts) -> None:
    operator = await make_operator(parts)
    await bury(parts, 25, cause="<b>Storage</b> is full", note=SECRET)
    await bury(parts, 2, queue="media", task="transcode", code="timeout")
    async with open_api(parts) as api:
        page = await api.get("/ops/jobs", headers=as_person(operator))
        assert "27 jobs stopped and need a decision" in page.text
        assert "&lt;b&gt;Storage&lt;/b&gt; is full" in page.text
        assert SECRET not in page.text
        older = re.search(r'href="(/ops/jobs\?cursor=[^"]+)"', page.text)
        assert older
        second = await api.get(older[1].replace("&amp;", "&"), headers=as_person(operator))
        assert second.text.count('aria-label="Retry ') == 7
        filtered = await api.get("/ops/jobs?queue=media&q=middle", headers=as_person(operator))
        assert filtered.text.count('aria-label="Retry ') == 2
        assert "Retry these 2" in filtered.text
        assert '<option value="media" selected>' in filtered.text
        none = await api.get("/ops/jobs?q=nothing+like+it", headers=as_person(operator))
        assert "No dead letter fits" in none.text


async def test_a_job_is_shown_with_its_stacks_and_retried_by_its_form(parts: Parts) -> None:
    operator = await make_operator(parts)
    (job_id,) = await bury(parts, note=SECRET)
    async with open_api(parts) as api:
        page = await api.get(f"/ops/jobs/{job_id}", headers=as_person(operator))
        for words in (
            "Why it stopped",
            "The file stops in the middle",
            SECRET,
            "Traceback: first &lt;of&gt; two",
            "4bf92f3577",
        ):
            assert words in page.text, words
        done = await api.post(f"/ops/jobs/{job_id}/retry", data={"queue": "media"}, headers=as_person(operator))
        assert (done.status_code, done.headers["location"]) == (303, "/ops/jobs?queue=media&retried=1#dead")
        again = await api.post(f"/ops/jobs/{job_id}/retry", headers=as_person(operator))
        assert again.status_code == 409
        assert "only a dead letter can be retried" in again.text
        back = await api.get("/ops/jobs?retried=1", headers=as_person(operator))
        assert "1 job was retried." in back.text
        shown = await api.get(f"/ops/jobs/{job_id}", headers=as_person(operator))
        assert "retried by an operator" in shown.text
        assert f"/ops/jobs/{job_id}/retry" not in shown.text
        assert (await api.get(f"/ops/jobs/{uuid4()}", headers=as_person(operator))).status_code == 404


@pytest.mark.parametrize("verb", ["retry", "discard"])
async def test_many_are_changed_after_a_question(parts: Parts, verb: str) -> None:
    operator = await make_operator(parts)
    await bury(parts, 1_100, code="timeout")
    await bury(parts, 2, code="permanent")
    async with open_api(parts) as api:
        asked = await api.get(f"/ops/jobs/{verb}?code=timeout", headers=as_person(operator))
        assert f"{verb.capitalize()} 1,100 dead letters?" in asked.text
        assert '<input type="hidden" name="code" value="timeout">' in asked.text
        assert await count_states(parts) == {"dead": 1_102}
        done = await api.post(f"/ops/jobs/{verb}", data={"code": "timeout"}, headers=as_person(operator))
        word = {"retry": "retried", "discard": "discarded"}[verb]
        assert done.headers["location"] == f"/ops/jobs?{word}=1100#dead"
        assert (await rows_of(parts, "select count(*) as n from jobs where state = 'dead'"))[0]["n"] == 2
        nothing = await api.get(f"/ops/jobs/{verb}?code=timeout", headers=as_person(operator))
        assert f"There is nothing to {verb}" in nothing.text
        everything = await api.post(f"/ops/jobs/{verb}", data={}, headers=as_person(operator))
        assert everything.headers["location"] == f"/ops/jobs?{word}=2#dead"


async def test_what_runs_is_shown_under_its_worker(parts: Parts) -> None:
    operator = await make_operator(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            """
            insert into job_workers (name, slots) values ('alive-1', '{"media": 2}');
            insert into jobs (id, queue, task, payload, state, attempts, attempts_max, backoff_s, started_at, heartbeat_at,
                              deadline_at, owner, lease)
            select gen_random_uuid(), 'media', 'transcode', '{}', 'running', 1, 3, 2, now() - interval '40 s',
                   now() - interval '9 s', now() + interval '9.5 min', owner, 2
            from unnest(array['alive-1', 'unheard-of']) as owner;
            """
        )
    (job,) = await rows_of(parts, "select id from jobs where owner = 'alive-1'")
    async with open_api(parts) as api:
        page = (await api.get("/ops/jobs", headers=as_person(operator))).text
        for words in (
            "1 alive",
            "1 of 2 media",
            f'href="/ops/jobs/{job["id"]}"',
            "attempt 2 of 3",
            "9 min left",
            "silent for",
        ):
            assert words in page, words
        assert "Under a worker that is not on the list" in page
        shown = (await api.get(f"/ops/jobs/{job['id']}", headers=as_person(operator))).text
        assert "is running" in shown
        assert f"/ops/jobs/{job['id']}/retry" not in shown


async def test_the_numbers_come_alone_too(parts: Parts) -> None:
    operator = await make_operator(parts)
    await bury(parts, 3)
    async with open_api(parts) as api:
        page = await api.get("/ops/jobs", headers=as_person(operator))
        assert 'hx-get="/ops/jobs/now?dead=3"' in page.text
        piece = await api.get("/ops/jobs/now?dead=1", headers={**as_person(operator), "HX-Request": "true"})
        assert "<html" not in piece.text
        assert "2 more stopped: show" in piece.text
        same = await api.get("/ops/jobs/now?dead=3", headers=as_person(operator))
        assert "more stopped" not in same.text
