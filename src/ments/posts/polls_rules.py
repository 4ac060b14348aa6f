"""What a poll may ask, who is told its results, and which ballot counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ments.posts.model import PostRefused
from ments.posts.polls import (
    ENDS_IN_MAX_S,
    ENDS_IN_MIN_S,
    ENDS_IN_S,
    OPTION_MAX,
    OPTIONS_MAX,
    OPTIONS_MIN,
    QUESTION_MAX,
    TEXT_MAX_CODE_POINTS,
    BallotRefused,
    Poll,
    PollDraft,
    PollKind,
    PollOptionView,
    PollResults,
    PollView,
)
from ments.posts.text import clean_text, count_characters


def tidy_poll(draft: PollDraft) -> PollDraft:
    """Clean a poll and fill in what was left out. Raises PostRefused, always for the field `poll`."""
    if not OPTIONS_MIN <= len(draft.options) <= OPTIONS_MAX:
        raise _refused("poll_options", f"A poll has {OPTIONS_MIN} to {OPTIONS_MAX} options.")
    options = tuple(_clean(text, OPTION_MAX, "An option") for text in draft.options)
    if not all(options):
        raise _refused("poll_option_empty", "An option of the poll is empty. Write it, or leave it out.")
    if len({option.casefold() for option in options}) != len(options):
        raise _refused("poll_option_twice", "Two options of the poll are the same.")
    ends_in_s = ENDS_IN_S if draft.ends_in_s is None else draft.ends_in_s
    if not ENDS_IN_MIN_S <= ends_in_s <= ENDS_IN_MAX_S:
        raise _refused("poll_ends", "A poll is open for five minutes at least and 30 days at most.")
    question = _clean(draft.question or "", QUESTION_MAX, "The question of a poll")
    return PollDraft(options, draft.kind or PollKind.SINGLE_CHOICE, question, ends_in_s)


def _clean(text: str, most: int, what: str) -> str:
    """Clean one line; measured in code points first, as normalising a long run of accents takes its square."""
    if len(text.strip()) <= TEXT_MAX_CODE_POINTS:
        line = " ".join(clean_text(text.strip()).split("\n"))
        if count_characters(line) <= most:
            return line
    raise _refused("poll_text_too_long", f"{what} has at most {most} characters.")


def _refused(code: str, safe: str) -> PostRefused:
    return PostRefused("poll", code, safe)


def check_ballot(poll: Poll, option_ids: Sequence[UUID]) -> tuple[UUID, ...]:
    """Return the options chosen, each once, in the poll's order. Raises BallotRefused."""
    chosen = set(option_ids)
    if not chosen:
        raise BallotRefused("Choose an option.")
    if not chosen <= set(poll.option_ids):
        raise BallotRefused("One of these options is not of this poll.")
    if poll.kind is PollKind.SINGLE_CHOICE and len(chosen) > 1:
        raise BallotRefused("Choose one option: this poll takes no more.")
    return tuple(option_id for option_id in poll.option_ids if option_id in chosen)


def may_see_results(*, is_over: bool, is_author: bool, has_voted: bool) -> bool:
    """Say who is told how many voted for what: everybody once it is over, before that its author and who has voted."""
    return is_over or is_author or has_voted


def draw_poll(poll: Mapping[str, Any], *, is_author: bool, has_voted: bool) -> PollView:
    """Make the view of a poll for one reader, or for all alike (neither the author nor a voter).

    poll  the `poll` of a row of `hydrate_posts`; it holds the results, which leave here for those who may know them
    """
    shows = may_see_results(is_over=poll["is_over"], is_author=is_author, has_voted=has_voted)
    return PollView(
        id=UUID(poll["id"]),
        question=poll["question"],
        kind=PollKind(poll["kind"]),
        ends_at=datetime.fromisoformat(poll["ends_at"]).astimezone(UTC),
        is_over=poll["is_over"],
        voters=poll["voters"],
        options=[
            PollOptionView(UUID(option["id"]), option["text"], option["votes"] if shows else None)
            for option in poll["options"]
        ],
    )


def with_results(poll: PollView, results: PollResults) -> PollView:
    """Put results over a poll that was drawn for all, maybe a second ago; they are for those who may know them."""
    options = [replace(option, votes=results.votes.get(option.id, option.votes)) for option in poll.options]
    return replace(poll, voters=results.voters, options=options)
