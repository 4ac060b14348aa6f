"""The books: each job in one column, and the columns add up."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.jobs.ledger.books import Books, Cause, QueueBooks, close_books
from ments.jobs.ledger.mend import QueuedRow, SilentRun
from ments.jobs.model import JobState
from ments.jobs.prove import books_lines

_COUNTS = st.dictionaries(
    st.sampled_from(["default", "media", "other"]),
    st.dictionaries(st.sampled_from([str(state) for state in JobState]), st.integers(0, 10**9)),
)
_CAUSES = st.lists(
    st.builds(
        Cause,
        queue=st.sampled_from(["default", "media"]),
        state=st.just("queued"),
        jobs=st.integers(0, 10**9),
        cause=st.just("why"),
        is_accounted=st.booleans(),
    )
)


@given(_COUNTS, _CAUSES)
def test_the_columns_add_up(counts: dict[str, dict[str, int]], causes: list[Cause]) -> None:
    books = close_books(counts, causes, {})
    everything: list[QueueBooks] = [books, *books.queues.values()]
    for one in everything:
        assert one.accepted == one.done + one.pending + one.dead + one.discarded + one.unaccounted
        assert one.pending >= 0
    assert books.accepted == sum(jobs for states in counts.values() for jobs in states.values())
    assert books.balanced == (books.unaccounted == 0)
    assert books_lines(books)


def test_what_is_accounted_for_stays_pending() -> None:
    counts = {"media": {"queued": 5, "running": 1}}
    waiting = Cause("media", "queued", 3, "No worker takes from this queue.", is_accounted=True)
    lost = Cause("media", "queued", 2, "Their entries are missing.", ids=("a", "b"))
    books = close_books(counts, [waiting, lost], {"media": 7})
    assert (books.accepted, books.pending, books.unaccounted, books.foreign) == (6, 4, 2, 7)
    assert books_lines(books)[-1].startswith("NOT balanced")
    assert close_books(counts, [waiting], {}).balanced


def test_no_jobs_balance() -> None:
    assert close_books({}, [], {}) == Books(queues={}, causes=())


@pytest.mark.parametrize(
    ("outside_id", "generation", "entry_id"),
    [
        (None, 1, "00000000-0000-0000-0000-000000000001-1"),
        (None, 3, "00000000-0000-0000-0000-000000000001-3"),
        ("17", 1, "17"),
        ("17", 2, "00000000-0000-0000-0000-000000000001-2"),
    ],
)
def test_which_entry_a_row_has(outside_id: str | None, generation: int, entry_id: str) -> None:
    row = QueuedRow(UUID(int=1), generation, 0, outside_id, datetime.now(UTC), is_overdue=False)
    assert row.entry_id == entry_id


def test_why_a_run_was_ended() -> None:
    silent = SilentRun(UUID(int=1), lease=2, crashes=0, owner="host-1", is_late=False)
    late = SilentRun(UUID(int=1), lease=2, crashes=0, owner="host-1", is_late=True)
    assert silent.cause == "The worker of run 2 (host-1) fell silent."
    assert "past its time" in late.cause
