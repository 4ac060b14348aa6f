"""Why somebody sees a post, in words, from what the ranking was made of. Pure."""

from __future__ import annotations

from uuid import UUID

from ments.feeds.rank_model import FEATURES, FeatureView, Ranked, Ranking, Source, Why

_FROM = {
    Source.FOLLOWING: "You follow its author.",
    Source.NETWORK: "Somebody you follow reposted it.",
    Source.INTEREST: "It is like posts that you spent time with.",
    Source.TRENDING: "Many people are reacting to it right now.",
    Source.EXPLORATION: "It is new, and you may not have come across its author.",
}
_SAYS = {
    "following": "You follow its author.",
    "engagement": "Many people reacted to it.",
    "interaction": "You often read or answer its author.",
    "virality": "Reactions come in fast.",
    "creator": "Its author has many followers.",
    "topic": "It is about something that you often read.",
    "freshness": "It is recent.",
    "network": "Somebody you follow reposted it.",
    "form": "You often look at posts of this form.",
    "media": "It has pictures or video.",
}
_SAID_MOST = 3
_WORTH_SAYING = 0.02
BY_TIME = "Nothing ranked it for you: it shows by its time, in lists of the latest posts."


def explain(ranking: Ranking, post_id: UUID) -> Why | None:
    """Say why a post is where it is in a ranking; None when it is not in it."""
    for place, post in enumerate(ranking.posts, start=1):
        if post.post_id == post_id:
            features = weigh(post, ranking.weights)
            return Why(
                post_id=post_id,
                says=_say(post, features),
                place=place,
                ranked_at=ranking.made_at,
                source=post.source,
                score=post.score,
                boost=post.boost,
                features=features,
                variants=dict(ranking.variants),
            )
    return None


def weigh(post: Ranked, weights: tuple[float, ...]) -> list[FeatureView]:
    """Lay out what each feature counted for, the weightiest first; the parts times the boost add up to the score."""
    views = [
        FeatureView(name, value, weight, value * weight)
        for name, value, weight in zip(FEATURES, post.features, weights, strict=True)
    ]
    return sorted(views, key=lambda view: (-view.part, view.name))


def _say(post: Ranked, features: list[FeatureView]) -> list[str]:
    told = [_SAYS[view.name] for view in features if view.part >= _WORTH_SAYING]
    return list(dict.fromkeys([_FROM[post.source], *told]))[:_SAID_MOST]
