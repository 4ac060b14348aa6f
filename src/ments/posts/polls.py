"""What a poll is: the shapes that come in and leave, its limits, its errors. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ments.errors import Conflict, Invalid, NotFound

OPTIONS_MIN = 2
OPTIONS_MAX = 6
OPTION_MAX = 80
"""Longest option, in extended grapheme clusters: two lines on a phone."""

QUESTION_MAX = 200
"""Longest question, in extended grapheme clusters."""

TEXT_MAX_CODE_POINTS = 800
"""A second limit for either, in code points, as with a post's words."""

ENDS_IN_MIN_S = 5 * 60
ENDS_IN_MAX_S = 30 * 24 * 3600
ENDS_IN_S = 24 * 3600
"""How long a poll is open unless its author says."""


class PollKind(StrEnum):
    """How many options one voter may choose."""

    SINGLE_CHOICE = "single_choice"
    MULTIPLE_CHOICE = "multiple_choice"


@dataclass(frozen=True, slots=True)
class PollDraft:
    """A poll to be asked; it ends `ends_in_s` seconds after its post came to be seen. null stands for what is left out."""

    options: tuple[str, ...]
    kind: PollKind | None = None
    question: str | None = None
    ends_in_s: int | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """What the rules need to know of a poll; `option_ids` in their order."""

    id: UUID
    post_id: UUID
    kind: PollKind
    question: str
    option_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class PollOptionView:
    """One option. `votes` is None while the reader may not know the results."""

    id: UUID
    text: str
    votes: int | None


@dataclass(frozen=True, slots=True)
class PollView:
    """A poll on a card. `voters` counts accounts, of which each may have chosen several options."""

    id: UUID
    question: str
    kind: PollKind
    ends_at: datetime
    is_over: bool
    voters: int
    options: list[PollOptionView]


@dataclass(frozen=True, slots=True)
class Voted:
    """What an account chose, and the poll with its results."""

    votes: tuple[UUID, ...]
    poll: PollView


@dataclass(frozen=True, slots=True)
class PollResults:
    """How many accounts voted, and how often each option was chosen; of one moment, so that shares add up."""

    voters: int
    votes: Mapping[UUID, int]


class PollNotFound(NotFound):
    """The post asks nothing."""

    code = "poll_not_found"


class BallotRefused(Invalid):
    """The options that were chosen are not those of the poll, or not as many as it wants."""

    code = "ballot_refused"


class PollOver(Conflict):
    """The poll has ended, or its post has not appeared yet."""

    code = "poll_over"


class VotedAlready(Conflict):
    """The account voted before, for something else; a vote is final."""

    code = "voted_already"
