"""What is trending: from stored inputs to a list, the same each time that it is asked. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

RULES_VERSION = 1
"""Stored with a run: another version's inputs may give another list."""

ENTRIES_MOST = 50
"""Posts of a list."""

WINDOW_S = 48 * 3600
"""Reactions that are older count no more."""

BUCKETS_S = (600, 1800, 3600, 7200, 14400, 28800, 57600, 86400, WINDOW_S)
"""Ends of the stretches of age, in seconds, that reactions are counted in."""

HALF_LIFE_S = 6 * 3600.0

ACCOUNTS_LEAST = 2
"""A post trends by so many accounts at least, its author's not counted."""

OF_ONE_AUTHOR_MOST = 2

_YOUNG = ((timedelta(hours=24), 1.5), (timedelta(hours=48), 1.2))


class OverrideKind(StrEnum):
    """What operators say about a post."""

    PINNED = "pinned"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a list is made of, of one post.

    pulses    for each of BUCKETS_S the weight of the accounts whose first reaction to the post within the window was of
              that age; an account counts once, by the strongest of what it did, and the author's own not at all
    accounts  how many these are
    since     when it began to trend without a break; None when the list before did not have it
    """

    post_id: UUID
    author_id: UUID
    published_at: datetime
    accounts: int
    pulses: tuple[float, ...]
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's word about a post, and when."""

    post_id: UUID
    kind: OverrideKind
    at: datetime


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a list depends on; kept with it."""

    at: datetime
    pulses: tuple[Pulse, ...]
    overrides: tuple[Override, ...] = ()
    version: int = RULES_VERSION


@dataclass(frozen=True, slots=True)
class Entry:
    """A post on the list. `place` from 1; `since` when it came onto it."""

    place: int
    post_id: UUID
    score: float
    accounts: int
    is_pinned: bool
    since: datetime


def rank_trending(inputs: Inputs) -> tuple[Entry, ...]:
    """Make the list: pinned posts first, as they were pinned, then by score; removed ones not at all.

    A pinned post is there whatever its score is. Of one author there are OF_ONE_AUTHOR_MOST at most beside the pinned.
    """
    overrides = {override.post_id: override for override in inputs.overrides}
    pinned, others = [], []
    for pulse in inputs.pulses:
        override = overrides.get(pulse.post_id)
        if override is None:
            if pulse.accounts >= ACCOUNTS_LEAST:
                others.append(pulse)
        elif override.kind is OverrideKind.PINNED:
            pinned.append(pulse)
    pinned.sort(key=lambda pulse: (overrides[pulse.post_id].at, pulse.post_id))
    others.sort(key=lambda pulse: (-score(pulse, inputs.at), pulse.post_id))
    listed = pinned + _of_many_authors(others)
    return tuple(
        Entry(
            place=place,
            post_id=pulse.post_id,
            score=score(pulse, inputs.at),
            accounts=pulse.accounts,
            is_pinned=place <= len(pinned),
            since=pulse.since or inputs.at,
        )
        for place, pulse in enumerate(listed[:ENTRIES_MOST], start=1)
    )


def score(pulse: Pulse, at: datetime) -> float:
    """How fast accounts come to a post: what each weighs, halved every HALF_LIFE_S, and more for young posts."""
    starts = (0, *BUCKETS_S[:-1])
    velocity = sum(
        weight * math.exp2(-(start + end) / 2 / HALF_LIFE_S)
        for weight, start, end in zip(pulse.pulses, starts, BUCKETS_S, strict=True)
    )
    age = at - pulse.published_at
    return velocity * next((factor for limit, factor in _YOUNG if age < limit), 1.0)


def _of_many_authors(pulses: Sequence[Pulse]) -> list[Pulse]:
    seen: Counter[UUID] = Counter()
    kept = []
    for pulse in pulses:
        seen[pulse.author_id] += 1
        if seen[pulse.author_id] <= OF_ONE_AUTHOR_MOST:
            kept.append(pulse)
    return kept


def explain(inputs: Inputs, post_id: UUID) -> str:
    """Say in a sentence why a post is on the list of these inputs, or is not."""
    override = next((one for one in inputs.overrides if one.post_id == post_id), None)
    pulse = next((one for one in inputs.pulses if one.post_id == post_id), None)
    if override is not None and override.kind is OverrideKind.REMOVED:
        return "An operator took it off."
    if pulse is None:
        return "It was not among the posts that were looked at: too few reactions of late."
    lately = sum(pulse.pulses[:3])
    counted = f"{pulse.accounts} accounts reacted within 48 hours, {lately:g} points of it within the last hour"
    if override is not None:
        return f"An operator pinned it; {counted}."
    entry = next((one for one in rank_trending(inputs) if one.post_id == post_id), None)
    if entry is not None:
        return f"Place {entry.place} with {entry.score:.1f} points: {counted}."
    if pulse.accounts < ACCOUNTS_LEAST:
        return f"It is not on it: one account is not enough. {counted[0].upper()}{counted[1:]}."
    return f"It is not on it: others have more, or its author has {OF_ONE_AUTHOR_MOST} there. {counted}."
