"""Members who are asked for together: each gets their own, also where another errs or goes away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from ments.db.asked_together import ask_together
from ments.feeds.paging import queries
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost, Visibility
from posting import Member, make_member

_NOW = {"before_ats": datetime(9999, 1, 1, tzinfo=UTC), "before_ids": UUID(int=2**128 - 1)}


async def see(parts: Parts, who: Member, n: int = 5) -> list[Any]:
    said = await ask_together(parts.primary, queries.see_latest, readers=who.viewer.id, **_NOW, ns=n)
    return [card[0] for card in msgspec.json.decode(said)[0]]


async def test_each_gets_their_own_however_many_ask_at_once(parts: Parts) -> None:
    people = [await make_member(parts) for _ in range(5)]
    own = {
        who.viewer.id: str(
            (await actions.create_post(parts, who.viewer, NewPost("mine", visibility=Visibility.PRIVATE))).id
        )
        for who in people
    }
    asked = [people[number % 5] for number in range(60)]
    for who, ids in zip(asked, await asyncio.gather(*[see(parts, who) for who in asked]), strict=True):
        assert set(ids) & set(own.values()) == {own[who.viewer.id]}


async def test_one_who_errs_does_not_take_it_from_the_others(parts: Parts) -> None:
    who = await make_member(parts)
    answers = await asyncio.gather(
        *[see(parts, who, -5 if number == 3 else 5) for number in range(8)], return_exceptions=True
    )
    assert isinstance(answers.pop(3), psycopg.Error)
    assert all(isinstance(answer, list) for answer in answers)


async def test_one_who_goes_away_does_not_take_it_from_the_others(parts: Parts) -> None:
    who = await make_member(parts)
    tasks = [asyncio.create_task(see(parts, who)) for _ in range(30)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [
        number % 3 == 0 for number in range(30)
    ]
    with pytest.raises(psycopg.Error):
        await see(parts, who, -5)
    assert await see(parts, who) is not None
