"""What a poll may ask, which ballot counts, and who is told the results."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.posts.model import NewPost, PostChange, PostRefused
from ments.posts.polls import BallotRefused, Poll, PollDraft, PollKind, PollResults
from ments.posts.polls_rules import check_ballot, draw_poll, may_see_results, tidy_poll, with_results
from ments.posts.rules import apply_change, tidy_new

words = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=100)
drafts = st.builds(
    PollDraft,
    options=st.lists(words, max_size=8).map(tuple),
    kind=st.none() | st.sampled_from(PollKind),
    question=st.none() | words,
    ends_in_s=st.none() | st.integers(-10, 40 * 24 * 3600),
)


@given(drafts)
def test_a_poll_that_is_taken_is_whole_and_stays_as_it_is(draft: PollDraft) -> None:
    try:
        poll = tidy_poll(draft)
    except PostRefused:
        return
    assert 2 <= len(poll.options) <= 6
    assert all(poll.options)
    assert not any("\n" in option for option in poll.options)
    assert len({option.casefold() for option in poll.options}) == len(poll.options)
    assert poll.kind is not None
    assert poll.ends_in_s is not None
    assert 300 <= poll.ends_in_s <= 30 * 24 * 3600
    assert tidy_poll(poll) == poll


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"options": ("only",)}, "poll_options"),
        ({"options": tuple("abcdefg")}, "poll_options"),
        ({"options": ("a", " \u200b ")}, "poll_option_empty"),
        ({"options": ("a", " A ")}, "poll_option_twice"),
        ({"options": ("a", "x" * 81)}, "poll_text_too_long"),
        ({"options": ("a", "e" + "\u0301" * 100_000)}, "poll_text_too_long"),
        ({"question": "x" * 201}, "poll_text_too_long"),
        ({"ends_in_s": 299}, "poll_ends"),
        ({"ends_in_s": 30 * 24 * 3600 + 1}, "poll_ends"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_no_poll_may_be(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(PostRefused) as refused:
        tidy_poll(PollDraft(**{"options": ("a", "b"), **changes}))
    assert refused.value.problem_code == code


def test_a_poll_asks_something() -> None:
    poll = PollDraft(("Yes", "No"))
    assert tidy_new(NewPost("Who goes first?", poll=poll)).poll == tidy_poll(poll)
    asked = tidy_new(NewPost(poll=PollDraft(("Yes", "No"), question="Ship it?")))
    assert asked.content == ""
    with pytest.raises(PostRefused) as refused:
        tidy_new(NewPost(poll=poll))
    assert refused.value.problem_code == "post_empty"
    # What a question is enough for, it stays enough for when the words are taken away.
    assert apply_change("words", (), PostChange(content=""), "Ship it?")[0] == ""


def make_poll(kind: PollKind, n: int = 3) -> Poll:
    return Poll(uuid4(), uuid4(), kind, "", tuple(uuid4() for _ in range(n)))


@given(st.sampled_from(PollKind), st.lists(st.integers(0, 4), max_size=6))
def test_a_ballot_names_each_option_once_and_only_the_polls_own(kind: PollKind, chosen: list[int]) -> None:
    poll = make_poll(kind)
    ids = [*poll.option_ids, uuid4(), uuid4()]
    refuses = not chosen or max(chosen) > 2 or (kind is PollKind.SINGLE_CHOICE and len(set(chosen)) > 1)
    if refuses:
        with pytest.raises(BallotRefused):
            check_ballot(poll, [ids[n] for n in chosen])
    else:
        assert check_ballot(poll, [ids[n] for n in chosen]) == tuple(ids[n] for n in sorted(set(chosen)))


@given(st.booleans(), st.booleans(), st.booleans())
def test_results_are_for_voters_the_author_and_all_at_the_end(is_over: bool, is_author: bool, has_voted: bool) -> None:
    row = {
        "id": str(uuid4()), "question": "", "kind": "single_choice", "ends_at": "2026-03-01T12:00:00.5+00:00", "is_over": is_over,
        "voters": 3, "options": [{"id": str(uuid4()), "text": "a", "votes": 2}, {"id": str(uuid4()), "text": "b", "votes": 1}],
    }  # fmt: skip
    shows = may_see_results(is_over=is_over, is_author=is_author, has_voted=has_voted)
    assert shows == (is_over or is_author or has_voted)
    poll = draw_poll(row, is_author=is_author, has_voted=has_voted)
    assert [option.votes for option in poll.options] == ([2, 1] if shows else [None, None])
    first = UUID(row["options"][0]["id"])  # type: ignore[index]
    assert [option.votes for option in with_results(poll, PollResults(9, {first: 9})).options] == [
        9,
        1 if shows else None,
    ]
