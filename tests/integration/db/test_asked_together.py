"""Members who are asked for together: each gets their own, also where another errs or goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from psycopg_pool import PoolTimeout, TooManyRequests

from ments.db.asked_together import Together, ask_together
from ments.feeds.paging import queries
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost, Visibility
from posting import Member, make_member

_NOW = {"before_ats": datetime(9999, 1, 1, tzinfo=UTC), "before_ids": UUID(int=2**128 - 1)}


async def see(parts: Parts, who: Member, n: int = 5) -> list[Any]:
    said = await ask_together(
        parts.primary, queries.see_latest, queries.see_latest_alone, readers=who.viewer.id, **_NOW, ns=n
    )
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


async def test_who_waits_behind_what_hangs_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when Postgres is frozen behind a pooler that lives."""
    monkeypatch.setattr("ments.db.asked_together._PATIENCE_S", 0.2)
    monkeypatch.setattr("ments.db.asked_together._WAITING_MAX", 20)
    thawed = asyncio.Event()

    async def hang(wanted: Sequence[int]) -> list[int]:
        await thawed.wait()
        return list(wanted)

    together: Together[int, int] = Together(hang, 2)
    asked: list[asyncio.Future[int]] = []
    for n in range(3):
        asked.append(together.ask(n))
        await asyncio.sleep(0)
    asked += [together.ask(n) for n in range(20)]
    with pytest.raises(TooManyRequests):
        together.ask(99)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {PoolTimeout}
    thawed.set()
    assert await together.ask(7) == 7


async def test_one_whose_answer_cannot_be_read_does_not_take_it_from_the_others() -> None:
    async def load(wanted: Sequence[int]) -> list[int]:
        return [10 // number for number in wanted]

    together: Together[int, int] = Together(load, 8)
    answers = await asyncio.gather(*[together.ask(number) for number in (5, 0, 2)], return_exceptions=True)
    assert (answers[0], answers[2]) == (2, 5)
    assert isinstance(answers[1], ZeroDivisionError)
