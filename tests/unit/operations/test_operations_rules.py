"""The verdict in words, lengths of time, and what a choice of dead letters means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.jobs.ledger.dead import DeadFilter
from ments.jobs.ledger.overview import Overview, QueueDepth, RunningJob, WorkerSeen, depth_of, per_minute
from ments.operations.model import IDS_MOST, Mood, Selection, UnclearSelection, trace_id_of
from ments.operations.rules import filter_of, judge, span

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def running(owner: str, silent_s: float = 1.0) -> RunningJob:
    return RunningJob(uuid4(), "media", "transcode", owner, 1, 1, 3, NOW, 5.0, silent_s, 600.0)


def ledger(
    *queues: QueueDepth, workers: tuple[WorkerSeen, ...] | None = None, unsent: int = 0, unsent_s: float = 0.0
) -> Overview:
    all_slots = WorkerSeen("w1", {"media": 1, "default": 8}, NOW, 2.0, ())
    return Overview(queues, unsent, unsent_s, (all_slots,) if workers is None else workers, ())


def test_a_quiet_place_is_healthy() -> None:
    verdict = judge(ledger(QueueDepth("media"), QueueDepth("default")), valkey_answers=True)
    assert (verdict.mood, verdict.title, verdict.detail) == (Mood.WELL, "Healthy", "Nothing waits.")
    busy = judge(ledger(QueueDepth("media", waiting=1, running=2)), valkey_answers=True)
    assert busy.detail == "2 jobs run, 1 waits."


def test_what_is_worth_a_look_is_counted_and_said() -> None:
    slow, dead = QueueDepth("default", waiting=3, oldest_s=130), QueueDepth("media", dead=1)
    verdict = judge(ledger(slow, dead), valkey_answers=True)
    assert (verdict.mood, verdict.title) == (Mood.WATCH, "Healthy, with two things to watch")
    assert verdict.detail == "The oldest default job has waited for 2 min. 1 job stopped and needs a decision."
    # Encoding takes its time.
    assert judge(ledger(replace(slow, queue="media")), valkey_answers=True).mood is Mood.WELL


def test_a_worker_that_went_silent_is_named_as_such() -> None:
    worker = WorkerSeen("w1", {"media": 2}, NOW, 1.0, (running("w1"), running("w1", silent_s=13)))
    found = replace(ledger(QueueDepth("media", running=3), workers=(worker,)), strays=(running("gone"),))
    verdict = judge(found, valkey_answers=True)
    assert verdict.detail == "2 jobs ran under a worker that has gone silent; another takes over."


def test_what_holds_jobs_up_comes_first_with_the_way_out() -> None:
    silent = WorkerSeen("w1", {"media": 2}, NOW, 31.0, ())
    waits = QueueDepth("media", waiting=2, dead=1, oldest_s=400)
    verdict = judge(ledger(waits, workers=(silent,)), valkey_answers=True)
    assert (verdict.mood, verdict.title) == (Mood.TROUBLE, "Jobs are held up")
    assert verdict.detail.startswith("No worker takes media jobs, and 2 wait: start `ments worker --queues media`.")
    away = judge(ledger(QueueDepth("media")), valkey_answers=False)
    assert away.mood is Mood.TROUBLE
    assert "Valkey does not answer" in away.detail
    unsent = judge(ledger(QueueDepth("media"), unsent=1, unsent_s=11), valkey_answers=True)
    assert unsent.detail == "1 job has not been put into the queue for 11 s: is `ments relay` running?"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.004, "4 ms"), (1.44, "1.4 s"), (9, "9 s"), (12.4, "12 s"), (61, "1 min"), (7300, "2 h"), (300_000, "3 days")],
)
def test_lengths_of_time(seconds: float, said: str) -> None:
    assert span(seconds) == said


@given(st.floats(0, 10**9))
def test_a_length_of_time_has_one_unit(seconds: float) -> None:
    number, unit = span(seconds).split(" ")
    assert float(number) >= 0
    assert unit in ("ms", "s", "min", "h", "days")


def test_an_empty_choice_and_a_double_one_are_refused() -> None:
    for unclear in (
        Selection(),
        Selection(queue="", q=""),
        Selection(all=True, queue="media"),
        Selection(all=True, ids=(UUID(int=1),)),
        Selection(ids=()),
        Selection(ids=tuple(UUID(int=n) for n in range(IDS_MOST + 1))),
    ):
        with pytest.raises(UnclearSelection):
            filter_of(unclear)


def test_a_clear_choice_is_a_filter() -> None:
    assert filter_of(Selection(all=True)) == DeadFilter()
    assert filter_of(Selection(ids=(UUID(int=1),))) == DeadFilter()
    assert filter_of(Selection(queue="media", task="", q="dts")) == DeadFilter(queue="media", text="dts")


def test_rates_are_of_the_time_that_was_looked_at() -> None:
    assert per_minute(30, 60, None) == 30
    assert per_minute(100, 300, None) == 20
    # Cut off: 5,000 jobs went back 20 s only.
    assert per_minute(5_000, 60, 20) == 15_000
    assert per_minute(5_000, 300, 20) == 15_000
    assert depth_of("media", None, None, None) == QueueDepth("media")


def test_the_trace_is_read_from_a_traceparent() -> None:
    assert trace_id_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01") == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert trace_id_of("nonsense") is None
    assert trace_id_of(None) is None
