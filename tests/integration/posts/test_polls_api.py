"""Polls over HTTP: asking, voting for good, and who is told the results."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from ments.parts import Parts
from ments.posts import actions
from posting import Member, fetch_row, make_media, make_member, open_api, set_media
from reacting import check_counts, end_poll, fold_all, make_poll, make_post


def votes_of(post: dict[str, Any]) -> list[int | None]:
    return [option["votes"] for option in post["poll"]["options"]]


async def test_a_poll_is_asked_and_answered_for_good(parts: Parts) -> None:
    mara, voter, other = [await make_member(parts) for _ in range(3)]
    async with open_api(parts) as api:
        post, options = await make_poll(api, mara)
        url = f"/api/posts/{post['id']}"
        assert [option["text"] for option in post["poll"]["options"]] == ["Option 0", "Option 1", "Option 2"]
        assert (post["poll"]["kind"], post["poll"]["is_over"], post["poll"]["voters"]) == ("single_choice", False, 0)
        assert set(post["poll"]) == {"id", "question", "kind", "ends_at", "is_over", "voters", "options"}
        assert votes_of(post) == [0, 0, 0]  # its author is told

        async def sees(who: Member | None) -> list[int | None]:
            return votes_of((await api.get(url, headers=who.headers if who else {})).json())

        assert await sees(None) == await sees(voter) == [None] * 3
        voted = await api.post(f"{url}/vote", json={"option_ids": [options[1]]}, headers=voter.headers)
        assert voted.status_code == 200, voted.text
        assert voted.json()["votes"] == [options[1]]
        assert votes_of(voted.json()) == [0, 1, 0]
        again = await api.post(f"{url}/vote", json={"option_ids": [options[1]]}, headers=voter.headers)
        assert (again.status_code, again.json()) == (200, voted.json())
        changed = await api.post(f"{url}/vote", json={"option_ids": [options[0]]}, headers=voter.headers)
        assert (changed.status_code, changed.json()["code"]) == (409, "voted_already")
        for _ in range(2):
            assert await sees(mara) == await sees(voter) == [0, 1, 0]
            assert await sees(None) == await sees(other) == [None] * 3
            assert (await api.get(url)).json()["poll"]["voters"] == 1
            await fold_all(parts)
        assert (await api.get(url, headers=voter.headers)).json()["viewer"]["votes"] == [options[1]]
        assert (await api.get(url, headers=other.headers)).json()["viewer"]["votes"] == []
        await end_poll(parts, post["id"])
        assert await sees(None) == await sees(other) == [0, 1, 0]
        late = await api.post(f"{url}/vote", json={"option_ids": [options[0]]}, headers=other.headers)
        assert (late.status_code, late.json()["code"]) == (409, "poll_over")
        late = await api.post(f"{url}/vote", json={"option_ids": [options[1]]}, headers=voter.headers)
        assert late.status_code == 200
    await check_counts(parts)


async def test_several_may_be_chosen_where_the_poll_says_so(parts: Parts) -> None:
    mara, voter = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:
        post, options = await make_poll(api, mara, "multiple_choice", 6)
        chosen = [options[4], options[0], options[4]]
        voted = await api.post(f"/api/posts/{post['id']}/vote", json={"option_ids": chosen}, headers=voter.headers)
        assert votes_of(voted.json()) == [1, 0, 0, 0, 1, 0]
        assert voted.json()["votes"] == [options[0], options[4]]
        assert voted.json()["poll"]["voters"] == 1
    await fold_all(parts)
    await check_counts(parts)


@pytest.mark.parametrize(
    ("poll", "code"),
    [
        ({"options": []}, "poll_options"),
        ({"options": ["a"]}, "poll_options"),
        ({"options": list("abcdefg")}, "poll_options"),
        ({"options": ["a", " "]}, "poll_option_empty"),
        ({"options": ["a", "A"]}, "poll_option_twice"),
        ({"options": ["a", "b" * 81]}, "poll_text_too_long"),
        ({"options": ["a", "b"], "question": "?" * 201}, "poll_text_too_long"),
        ({"options": ["a", "b"], "ends_in_s": 60}, "poll_ends"),
        ({"options": ["a", "b"], "ends_in_s": 3_000_000}, "poll_ends"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_a_poll_that_cannot_be_asked_names_its_field(parts: Parts, poll: dict[str, Any], code: str) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        answer = await api.post("/api/posts", json={"content": "x", "poll": poll}, headers=mara.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [error["field"] for error in answer.json()["errors"]] == ["poll"]
    assert (await fetch_row(parts, "select (select count(*) from posts) + (select count(*) from polls) as n"))["n"] == 0


@pytest.mark.parametrize(
    "poll",
    [{}, [], "x", {"options": "ab"}, {"options": [1, 2]}, {"options": ["a", "b"], "kind": "ranked"}, {"options": ["a", "b"], "ends_in_s": "soon"}],
    ids=range(7),
)  # fmt: skip
async def test_malformed_polls_are_refused(parts: Parts, poll: Any) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        answer = await api.post("/api/posts", json={"content": "x", "poll": poll}, headers=mara.headers)
    assert answer.status_code == 400


async def test_left_out_is_one_choice_for_a_day(parts: Parts) -> None:
    mara = await make_member(parts)
    left_out = {"options": ["Yes", "No"], "kind": None, "question": None, "ends_in_s": None}
    async with open_api(parts) as api:
        poll = (await make_post(api, mara, poll=left_out))["poll"]
        assert (poll["kind"], poll["question"]) == ("single_choice", "")
        left = datetime.fromisoformat(poll["ends_at"]) - datetime.now(UTC)
        assert timedelta(hours=23) < left <= timedelta(days=1)
        asked = {"options": ["Yes", "No"], "question": " Ship\nit? "}
        wordless = await make_post(api, mara, "", poll=asked)
        assert (wordless["content"], wordless["poll"]["question"]) == ("", "Ship it?")
        silent = await api.post("/api/posts", json={"poll": {"options": ["Yes", "No"]}}, headers=mara.headers)
        assert (silent.status_code, silent.json()["code"]) == (422, "post_empty")


async def test_ballots_that_do_not_count(parts: Parts) -> None:
    mara, voter = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:
        post, options = await make_poll(api, mara)
        _, others = await make_poll(api, mara)
        plain = await make_post(api, mara)
        private, its = await make_poll(api, mara, visibility="private")
        url = f"/api/posts/{post['id']}/vote"

        async def vote(url: str, ids: Any, who: Member | None = voter) -> tuple[int, str]:
            answer = await api.post(url, json={"option_ids": ids}, headers=who.headers if who else {})
            return answer.status_code, answer.json()["code"]

        for ids in ([], options[:2], [str(uuid4())], [others[0]], [options[0], others[0]]):
            assert await vote(url, ids) == (422, "ballot_refused")
        for ids in (None, "x", ["x"], [1]):
            assert (await vote(url, ids))[0] == 400
        assert await vote(url, options[:1], None) == (401, "unauthenticated")
        assert await vote(f"/api/posts/{plain['id']}/vote", options[:1]) == (404, "poll_not_found")
        assert await vote(f"/api/posts/{private['id']}/vote", its[:1]) == (404, "post_not_found")
        assert await vote(f"/api/posts/{uuid4()}/vote", its[:1]) == (404, "post_not_found")
    assert (await fetch_row(parts, "select count(*) as n from poll_votes"))["n"] == 0
    assert (await fetch_row(parts, "select count(*) as n from counter_lines"))["n"] == 0


async def test_of_ballots_at_once_one_counts(parts: Parts) -> None:
    mara, voter = await make_member(parts), await make_member(parts)
    async with open_api(parts) as api:
        post, options = await make_poll(api, mara, n=6)
        answers = await asyncio.gather(
            *(
                api.post(f"/api/posts/{post['id']}/vote", json={"option_ids": [option]}, headers=voter.headers)
                for option in options * 3
            )
        )
        assert sorted({answer.status_code for answer in answers}) == [200, 409]
        assert len({tuple(answer.json()["votes"]) for answer in answers if answer.status_code == 200}) == 1
    await fold_all(parts)
    await check_counts(parts)
    assert (await fetch_row(parts, "select voters from polls"))["voters"] == 1


async def test_a_poll_is_open_from_when_its_post_appears_and_gone_with_it(parts: Parts) -> None:
    mara = await make_member(parts)
    media_id = await make_media(parts, mara.viewer, status="processing", generation=None)
    async with open_api(parts) as api:
        post, options = await make_poll(api, mara, media_ids=[str(media_id)])
        url = f"/api/posts/{post['id']}"
        early = await api.post(f"{url}/vote", json={"option_ids": options[:1]}, headers=mara.headers)
        assert (early.status_code, early.json()["code"]) == (409, "post_waiting")
        async with parts.primary.transaction() as tx:
            await tx.connection.execute("update polls set ends_at = now() - interval '1 hour'")
        await set_media(parts, media_id, status="ready", generation="p1")
        await actions.publish_waiting(parts, media_id)
        shown = (await api.get(url)).json()
        assert datetime.fromisoformat(shown["poll"]["ends_at"]) == datetime.fromisoformat(
            shown["published_at"]
        ) + timedelta(hours=1)
        await api.delete(url, headers=mara.headers)
    words = await fetch_row(parts, "select string_agg(text, '') as words, count(*) as n from poll_options")
    assert words == {"words": "", "n": 3}


async def test_the_words_of_a_post_that_asks_may_be_taken_away_only_when_its_question_stays(parts: Parts) -> None:
    mara = await make_member(parts)
    async with open_api(parts) as api:
        asked = {"options": ["Yes", "No"], "question": "Ship it?"}
        with_question = await make_post(api, mara, "Well?", poll=asked)
        without, _ = await make_poll(api, mara)
        statuses = [
            (await api.patch(f"/api/posts/{post['id']}", json={"content": ""}, headers=mara.headers)).status_code
            for post in (with_question, without)
        ]
    assert statuses == [200, 422]
