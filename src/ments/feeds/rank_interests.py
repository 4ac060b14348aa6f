"""What an account's acts say about its interests, and how that fades. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from ments.feeds.rank_model import Form

HALF_LIFE_S = 14 * 24 * 3600.0
"""After this time an interest that nothing renews counts half."""

KEPT_MOST = 400
"""Interests of an account; the weakest go."""

_DWELL_FULL_S = 20.0


class Act(StrEnum):
    """What an account did with a post."""

    IMPRESSION = "impression"
    CLICK = "click"
    SHARE = "share"
    LIKE = "like"
    REPOST = "repost"
    BOOKMARK = "bookmark"
    REPLY = "reply"


_WORTH = {Act.CLICK: 1.0, Act.SHARE: 4.0, Act.LIKE: 3.0, Act.REPOST: 4.0, Act.BOOKMARK: 3.0, Act.REPLY: 5.0}


class InterestKind(StrEnum):
    """What somebody may be interested in; `author` is the graph of who deals with whom."""

    AUTHOR = "author"
    HASHTAG = "hashtag"
    ENVIRONMENT = "environment"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class Acted:
    """One act on one post. `dwell_s` is how long an impression lasted."""

    act: Act
    author_id: UUID
    form: Form
    environment_id: UUID | None = None
    hashtags: tuple[str, ...] = ()
    dwell_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Signal:
    """So much more interest in one thing."""

    kind: InterestKind
    key: str
    amount: float


def worth(acted: Acted) -> float:
    """What an act counts for, in clicks: looking at a post counts up to one by how long."""
    if acted.act is Act.IMPRESSION:
        return min(max(acted.dwell_s, 0.0) / _DWELL_FULL_S, 1.0)
    return _WORTH[acted.act]


def find_signals(acts: Iterable[Acted]) -> list[Signal]:
    """Add up what acts say: one signal for each thing, in the order of kind and key; none that says nothing."""
    amounts: defaultdict[tuple[InterestKind, str], float] = defaultdict(float)
    for acted in acts:
        amount = worth(acted)
        amounts[InterestKind.AUTHOR, str(acted.author_id)] += amount
        amounts[InterestKind.FORM, acted.form.value] += amount / 4
        if acted.environment_id is not None:
            amounts[InterestKind.ENVIRONMENT, str(acted.environment_id)] += amount / 2
        for tag in acted.hashtags:
            amounts[InterestKind.HASHTAG, tag] += amount / len(acted.hashtags)
    return [Signal(kind, key, amount) for (kind, key), amount in sorted(amounts.items()) if amount > 0]
