"""From candidates to a ranking: features, weights, and a mix that does not tire. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from ments.feeds.rank_model import FEATURES, Candidate, Interests, Ranked, Source

RANKED_MOST = 200
"""Posts of a ranking."""

AUTHOR_APART = 5
"""Of so many posts in a row none are by one author, while there are others."""

FORM_RUN_MOST = 3
"""So many posts of one form follow each other, while there are others."""

_TOP = 10
_FRESH_IN_TOP = 3
FRESH_FOR = timedelta(hours=6)
_EXPLORE_EVERY = 8

_FRESHNESS_HALF_LIFE_H = 12.0
_SMALL_CREATOR_FOLLOWERS = 100
_SMALL_CREATOR_BOOST = 1.2
# Only so many of the best are mixed: what is behind is never read.
_MIXED_MOST = 3 * RANKED_MOST


def rank(
    candidates: Iterable[Candidate], interests: Interests, weights: Mapping[str, float], now: datetime
) -> tuple[Ranked, ...]:
    """Put candidates in the order in which one reader is given them, at most RANKED_MOST.

    candidates  those that the reader may see and has not seen; of several of one post the first source counts
    weights     by feature; those that are missing count nothing
    The same inputs give the same order, in whichever order the candidates come.
    """
    once: dict[object, Candidate] = {}
    order = {source: place for place, source in enumerate(Source)}
    for candidate in candidates:
        known = once.get(candidate.post_id)
        if known is None or order[candidate.source] < order[known.source]:
            once[candidate.post_id] = candidate
    scored = [score(candidate, interests, weights, now) for candidate in once.values()]
    scored.sort(key=lambda post: (-post.score, post.post_id))
    return tuple(mix(scored[:_MIXED_MOST], now, RANKED_MOST))


def score(candidate: Candidate, interests: Interests, weights: Mapping[str, float], now: datetime) -> Ranked:
    """Score one candidate: the weighted sum of its features, with a hand for small creators."""
    features = measure(candidate, interests, now)
    boost = _SMALL_CREATOR_BOOST if candidate.author_followers < _SMALL_CREATOR_FOLLOWERS else 1.0
    summed = sum(value * weights.get(name, 0.0) for name, value in zip(FEATURES, features, strict=True))
    return Ranked(
        post_id=candidate.post_id,
        author_id=candidate.author_id,
        published_at=candidate.published_at,
        source=candidate.source,
        form=candidate.form,
        features=features,
        boost=boost,
        score=summed * boost,
    )


def measure(candidate: Candidate, interests: Interests, now: datetime) -> tuple[float, ...]:
    """Measure the features of a post for one reader, each 0..1, in the order of FEATURES."""
    age_h = max((now - candidate.published_at) / timedelta(hours=1), 0.0)
    reactions = 3 * max(candidate.likes, 0) + 5 * max(candidate.replies, 0) + 4 * max(candidate.reposts, 0)
    topic = max((interests.hashtags.get(tag, 0.0) for tag in candidate.hashtags), default=0.0)
    if candidate.environment_id is not None:
        topic += interests.environments.get(candidate.environment_id, 0.0)
    forms = sum(interests.forms.values())
    found = {
        "following": 1.0 if candidate.is_followed else 0.0,
        "engagement": _on_a_scale(reactions, full=5_000),
        "interaction": _drawn(interests.authors.get(candidate.author_id, 0.0)),
        # A post of a minute ago with one like is no wave.
        "virality": _on_a_scale(reactions / max(age_h, 1.0), full=1_000),
        "creator": 0.8 * _on_a_scale(candidate.author_followers, full=1_000_000)
        + (0.2 if candidate.author_is_verified else 0.0),
        "topic": _drawn(topic),
        "freshness": math.exp2(-age_h / _FRESHNESS_HALF_LIFE_H),
        "network": 1.0 if candidate.passed_on else 0.0,
        "form": interests.forms.get(candidate.form, 0.0) / forms if forms > 0 else 0.0,
        "media": 1.0 if candidate.has_media else 0.0,
    }
    return tuple(min(max(found[name], 0.0), 1.0) for name in FEATURES)


def mix(scored: Sequence[Ranked], now: datetime, limit: int) -> list[Ranked]:
    """Choose from posts in the order of their scores so that authors and forms take turns; at most `limit`.

    At each place the best post is taken that keeps all rules; one that no post keeps beside those before it gives way: no
    author again within AUTHOR_APART, no form more than FORM_RUN_MOST times running, some fresh ones in the first ten,
    now and then something new. Nothing is left out while there is room, and nothing comes twice.
    """
    rest = list(scored)
    mixed: list[Ranked] = []
    fresh = 0
    while rest and len(mixed) < limit:
        place = len(mixed)
        near = {post.author_id for post in mixed[-(AUTHOR_APART - 1) :]}
        run = {post.form for post in mixed[-FORM_RUN_MOST:]} if place >= FORM_RUN_MOST else set()
        rules: list[Callable[[Ranked], bool]] = [lambda post, near=near: post.author_id not in near]  # type: ignore[misc]
        if len(run) == 1:
            rules.append(lambda post, run=run: post.form not in run)  # type: ignore[misc]
        if place < _TOP and _TOP - place <= _FRESH_IN_TOP - fresh:
            rules.append(lambda post: is_fresh(post, now))
        if place % _EXPLORE_EVERY == _EXPLORE_EVERY - 1:
            rules.append(lambda post: post.source is Source.EXPLORATION)
        at = _find_best(rest, rules)
        taken = rest.pop(at)
        fresh += is_fresh(taken, now)
        mixed.append(taken)
    return mixed


def _find_best(rest: Sequence[Ranked], rules: Sequence[Callable[[Ranked], bool]]) -> int:
    """Where the best post is that keeps the first rule and as many of the later ones as can be kept beside it."""
    left = list(range(len(rest)))
    for rule in rules:
        left = [at for at in left if rule(rest[at])] or left
    return left[0]


def is_fresh(post: Ranked, now: datetime) -> bool:
    """Whether a post came to be seen within FRESH_FOR."""
    return now - post.published_at < FRESH_FOR


def _on_a_scale(amount: float, *, full: float) -> float:
    """From 0 to 1 by magnitude; `full` and above is 1."""
    return min(math.log1p(max(amount, 0.0)) / math.log1p(full), 1.0)


def _drawn(interest: float) -> float:
    """From 0 towards 1: five clicks are halfway."""
    return interest / (interest + 5.0) if interest > 0 else 0.0
