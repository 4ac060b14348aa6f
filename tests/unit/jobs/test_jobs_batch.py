"""What is asked for together is one statement; what is asked for alone goes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from ments.jobs.ledger.batch import Batch


class Desk:
    """Doubles numbers, a batch at a time, once `open` is set."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def work(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.open.wait()
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]


async def test_one_alone_waits_for_nobody() -> None:
    desk = Desk()
    batch = Batch(desk.work)
    asking = asyncio.create_task(batch.do(1))
    await asyncio.sleep(0)
    assert desk.batches == [[1]]
    assert await asking == 2


async def test_those_that_come_meanwhile_go_together() -> None:
    desk = Desk()
    batch = Batch(desk.work, most=3)
    desk.open.clear()
    first = asyncio.create_task(batch.do(1))
    await asyncio.sleep(0)
    others = [asyncio.create_task(batch.do(number)) for number in range(2, 7)]
    await asyncio.sleep(0)
    desk.open.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8, 10, 12]
    assert desk.batches == [[1], [2, 3, 4], [5, 6]]
    # Under load the next ones go together from the start.
    assert await asyncio.gather(*(batch.do(number) for number in (7, 8))) == [14, 16]
    assert desk.batches[3:] == [[7, 8]]


async def test_a_failure_is_that_of_its_batch_alone() -> None:
    desk = Desk()
    batch = Batch(desk.work)
    with pytest.raises(ValueError, match="thirteen"):
        await batch.do(13)
    desk.open.clear()
    first = asyncio.create_task(batch.do(1))
    await asyncio.sleep(0)
    spoilt = [asyncio.create_task(batch.do(number)) for number in (13, 14)]
    await asyncio.sleep(0)
    desk.open.set()
    assert await first == 2
    assert [type(found) for found in await asyncio.gather(*spoilt, return_exceptions=True)] == [ValueError, ValueError]
    assert await batch.do(3) == 6


async def test_an_asker_that_goes_away_takes_nothing_from_the_others() -> None:
    desk = Desk()
    batch = Batch(desk.work)
    desk.open.clear()
    first = asyncio.create_task(batch.do(1))
    await asyncio.sleep(0)
    others = [asyncio.create_task(batch.do(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    first.cancel()
    others[0].cancel()
    desk.open.set()
    assert await others[1] == 6
    assert await batch.do(4) == 8
    assert desk.batches[1:] == [[2, 3], [4]]
