"""Turns in a queue of one slot, by a model of it: who may go before whom, and how often."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.jobs.ledger.turns import TURN_MAX, plan_turns
from ments.jobs.model import Rank

RANKS = (Rank.FIRST, Rank.LATER, Rank.BACKGROUND)
Line = tuple[int, Rank]
"""An account's jobs of one rank."""


@dataclass(order=True)
class Waiting:
    turn: int
    arrived: int
    line: Line = field(compare=False)
    # Of the moment when it was accepted: jobs ahead of it in its own line, and who has begun since.
    own_ahead: int = field(compare=False)
    begun_before: Counter[Line] = field(compare=False, default_factory=Counter)
    newer_before: Counter[Line] = field(compare=False, default_factory=Counter)


class Queue:
    """Runs the smallest turn first, the same ones in the order of arrival, as BullMQ does; one job at a time."""

    def __init__(self) -> None:
        self.served = 0
        self.waiting: list[Waiting] = []
        self.running: Waiting | None = None
        self._arrivals = count()

    def accept(self, account: int, rank: Rank) -> Waiting:
        own = [job.turn for job in self._unfinished() if job.line == (account, rank)]
        (turn,) = plan_turns(self.served, max(own, default=0), rank)
        waiting_own = sum(job.line == (account, rank) for job in self.waiting)
        job = Waiting(turn, next(self._arrivals), (account, rank), waiting_own)
        heapq.heappush(self.waiting, job)
        return job

    def begin_next(self) -> Waiting | None:
        """The running job ends, and the next one begins."""
        self.running = heapq.heappop(self.waiting) if self.waiting else None
        if self.running is None:
            self.served = 0
            return None
        self.served = max(self.served, self.running.turn - self.running.line[1])
        for job in self.waiting:
            job.begun_before[self.running.line] += 1
            if job.arrived < self.running.arrived:
                job.newer_before[self.running.line] += 1
        return self.running

    def _unfinished(self) -> list[Waiting]:
        return [*self.waiting, *([self.running] if self.running else [])]


steps = st.lists(
    st.one_of(st.none(), st.tuples(st.integers(0, 3), st.sampled_from(RANKS), st.integers(1, 30))), max_size=60
)
"""None: the next job begins; else so many jobs of an account and rank are accepted."""


def play(queue: Queue, played: list[tuple[int, Rank, int] | None]) -> list[Waiting]:
    begun: list[Waiting | None] = []
    for step in played:
        if step is None:
            begun.append(queue.begin_next())
            continue
        account, rank, jobs = step
        for _ in range(jobs):
            queue.accept(account, rank)
    while queue.waiting:
        begun.append(queue.begin_next())
    return [job for job in begun if job is not None]


@given(steps)
def test_accounts_go_round(played: list[tuple[int, Rank, int] | None]) -> None:
    """With k of its own ahead a job lets no account begin more than k + 1 newer ones of its rank, and one that waited."""
    for job in play(Queue(), played):
        for line, begun in job.newer_before.items():
            if line != job.line and line[1] == job.line[1]:
                assert begun <= job.own_ahead + 1
        if job.line[1] is Rank.FIRST:
            for line, begun in job.begun_before.items():
                if line != job.line and line[1] is Rank.FIRST:
                    assert begun <= job.own_ahead + 2


@given(steps)
def test_nothing_starves(played: list[tuple[int, Rank, int] | None]) -> None:
    """More urgent work of an account passes a job as many rounds as their ranks are apart, and one for each ahead of it."""
    for job in play(Queue(), played):
        for line, begun in job.newer_before.items():
            if line[1] < job.line[1]:
                assert begun <= job.line[1] - line[1] + job.own_ahead


@given(steps)
def test_a_newcomers_first_work_goes_before_all_later_work(played: list[tuple[int, Rank, int] | None]) -> None:
    """However much of it waits, and however long it has been served alone."""
    queue = Queue()
    for step in played:
        if step is None:
            queue.begin_next()
        elif step[1] is not Rank.FIRST:
            for _ in range(step[2]):
                queue.accept(step[0], step[1])
    queue.accept(99, Rank.FIRST)
    begun = queue.begin_next()
    assert begun is not None
    assert begun.line == (99, Rank.FIRST)


@given(steps)
def test_an_account_is_served_in_its_own_order(played: list[tuple[int, Rank, int] | None]) -> None:
    last: dict[Line, int] = {}
    for job in play(Queue(), played):
        assert last.get(job.line, -1) < job.arrived
        last[job.line] = job.arrived


def test_one_upload_stands_behind_one_of_a_hundred() -> None:
    queue = Queue()
    for _ in range(100):
        queue.accept(1, Rank.FIRST)
    queue.begin_next()
    queue.accept(2, Rank.FIRST)
    accounts = [job.line[0] for job in (queue.begin_next(), queue.begin_next()) if job]
    assert accounts == [1, 2]


def test_sending_one_at_a_time_gains_nothing() -> None:
    queue = Queue()
    for _ in range(50):
        queue.accept(1, Rank.FIRST)
    begun: Counter[int] = Counter()
    for _ in range(60):
        if not any(job.line[0] == 2 for job in queue.waiting):
            queue.accept(2, Rank.FIRST)
        job = queue.begin_next()
        assert job is not None
        begun[job.line[0]] += 1
    assert abs(begun[1] - begun[2]) <= 2


def test_later_work_is_reached_under_a_stream_of_first_work() -> None:
    queue = Queue()
    queue.accept(1, Rank.LATER)
    passed = 0
    while True:
        queue.accept(2, Rank.FIRST)
        job = queue.begin_next()
        assert job is not None
        if job.line[1] is Rank.LATER:
            break
        passed += 1
    assert passed == 64


@pytest.mark.parametrize(("served", "last"), [(TURN_MAX, 0), (TURN_MAX - 1, TURN_MAX), (3, TURN_MAX)])
def test_the_greatest_number_is_the_queues(served: int, last: int) -> None:
    assert plan_turns(served, last, Rank.FIRST, 3) == [TURN_MAX] * 3
    assert plan_turns(TURN_MAX - 1, 0, Rank.BACKGROUND, 2) == [TURN_MAX] * 2
