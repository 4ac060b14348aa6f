"""From candidates to a ranking: whatever comes in, what comes out is in bounds, mixed, and the same each time."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ments.feeds.rank_interests import Act, Acted, InterestKind, find_signals, worth
from ments.feeds.rank_model import FEATURES, Candidate, Form, Interests, Ranking, Source
from ments.feeds.rank_rules import AUTHOR_APART, FORM_RUN_MOST, RANKED_MOST, is_fresh, measure, mix, rank, score
from ments.feeds.rank_why import explain
from ments.weights import WEIGHTS

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
TAGS = ("climate", "pricing", "trays")
ids = st.integers(1, 60).map(lambda n: UUID(int=n))
counts = st.integers(0, 10**7)

candidates = st.builds(
    Candidate,
    post_id=ids,
    author_id=st.integers(1, 12).map(lambda n: UUID(int=n)),
    published_at=st.integers(-60, 10**6).map(lambda s: NOW - timedelta(seconds=s)),
    source=st.sampled_from(Source),
    form=st.sampled_from(Form),
    has_media=st.booleans(),
    environment_id=st.none() | st.integers(1, 3).map(lambda n: UUID(int=n)),
    hashtags=st.lists(st.sampled_from(TAGS), unique=True).map(tuple),
    likes=counts,
    replies=counts,
    reposts=counts,
    author_followers=counts,
    author_is_verified=st.booleans(),
    is_followed=st.booleans(),
    passed_on=st.booleans(),
)
scores = st.floats(0, 1e6)
interests = st.builds(
    Interests,
    authors=st.dictionaries(st.integers(1, 12).map(lambda n: UUID(int=n)), scores),
    hashtags=st.dictionaries(st.sampled_from(TAGS), scores),
    environments=st.dictionaries(st.integers(1, 3).map(lambda n: UUID(int=n)), scores),
    forms=st.dictionaries(st.sampled_from(Form), scores),
)
weights = st.fixed_dictionaries({name: st.floats(0, 1) for name in FEATURES})


@given(candidates, interests, weights)
def test_features_and_scores_are_in_bounds(candidate: Candidate, drawn: Interests, weighed: dict[str, float]) -> None:
    features = measure(candidate, drawn, NOW)
    assert len(features) == len(FEATURES)
    assert all(0 <= value <= 1 for value in features)
    assert 0 <= score(candidate, drawn, weighed, NOW).score <= 1.2 * sum(weighed.values()) + 1e-9


@settings(max_examples=60)
@given(st.lists(candidates, max_size=50), interests, st.randoms(use_true_random=False))
def test_a_ranking_is_a_permutation_and_the_same_whatever_order_comes_in(
    some: list[Candidate], drawn: Interests, shuffled: random.Random
) -> None:
    unique = list({one.post_id: one for one in some}.values())
    ranked = rank(unique, drawn, WEIGHTS, NOW)
    assert Counter(post.post_id for post in ranked) == Counter(one.post_id for one in unique)
    again = list(unique)
    shuffled.shuffle(again)
    assert rank(again, drawn, WEIGHTS, NOW) == ranked
    # One that came from several sources is there once, from the first of them.
    doubled = rank([*unique, *(Candidate(**{**_fields(one), "source": Source.EXPLORATION}) for one in unique)], drawn, WEIGHTS, NOW)  # fmt: skip
    assert doubled == ranked


def _fields(one: Candidate) -> dict[str, object]:
    return {name: getattr(one, name) for name in Candidate.__slots__}


@settings(max_examples=60)
@given(st.lists(candidates, max_size=50, unique_by=lambda one: one.post_id), st.integers(1, 60))
def test_authors_and_forms_take_turns_while_there_are_others(some: list[Candidate], limit: int) -> None:
    scored = sorted(
        (score(one, Interests(), WEIGHTS, NOW) for one in some), key=lambda post: (-post.score, post.post_id)
    )
    mixed = mix(scored, NOW, limit)
    assert len(mixed) == min(limit, len(scored))
    for place, post in enumerate(mixed):
        left = [other for other in scored if other not in mixed[:place]]
        near = {other.author_id for other in mixed[max(0, place - AUTHOR_APART + 1) : place]}
        if post.author_id in near:
            assert all(other.author_id in near for other in left)
            continue
        run = mixed[max(0, place - FORM_RUN_MOST) : place]
        if len(run) == FORM_RUN_MOST and {other.form for other in run} == {post.form}:
            assert all(other.form is post.form or other.author_id in near for other in left)


def make(n: int, author: int, **more: object) -> Candidate:
    return Candidate(**{"post_id": UUID(int=n), "author_id": UUID(int=author), "published_at": NOW - timedelta(hours=20), "source": Source.FOLLOWING, "form": Form.TEXT, **more})  # type: ignore[arg-type]  # fmt: skip


def test_some_of_the_first_ten_are_fresh_and_some_are_new_to_the_reader() -> None:
    old = [make(n, n, likes=1000, is_followed=True) for n in range(1, 40)]
    fresh = [make(100 + n, 100 + n, published_at=NOW - timedelta(hours=1)) for n in range(5)]
    unknown = [make(200 + n, 200 + n, source=Source.EXPLORATION) for n in range(5)]
    ranked = rank([*old, *fresh, *unknown], Interests(), WEIGHTS, NOW)
    assert sum(is_fresh(post, NOW) for post in ranked[:10]) == 3
    assert [place for place, post in enumerate(ranked[:24]) if post.source is Source.EXPLORATION] == [15, 23]
    assert ranked[0].source is Source.FOLLOWING


def test_only_so_many_are_ranked() -> None:
    ranked = rank([make(n, n) for n in range(1, 700)], Interests(), WEIGHTS, NOW)
    assert len(ranked) == RANKED_MOST
    # As good as each other: by id, so that nothing depends on the order of reading.
    assert [post.post_id.int for post in ranked] == list(range(1, RANKED_MOST + 1))


def test_what_a_reader_is_drawn_to_comes_first() -> None:
    drawn = Interests(authors={UUID(int=3): 20.0}, hashtags={"trays": 30.0})
    ranked = rank([make(1, 1), make(2, 2, hashtags=("trays",)), make(3, 3), make(4, 4)], drawn, WEIGHTS, NOW)
    assert [post.post_id.int for post in ranked[:2]] == [3, 2]
    small, large = score(make(1, 1, author_followers=3), drawn, WEIGHTS, NOW), make(1, 1, author_followers=100)
    assert (small.boost, score(large, drawn, WEIGHTS, NOW).boost) == (1.2, 1.0)


@given(st.lists(candidates, min_size=1, max_size=10, unique_by=lambda one: one.post_id), interests)
def test_the_reasons_add_up(some: list[Candidate], drawn: Interests) -> None:
    posts = rank(some, drawn, WEIGHTS, NOW)
    ranking = Ranking(UUID(int=9), NOW, posts, tuple(WEIGHTS[name] for name in FEATURES))
    for place, post in enumerate(posts, start=1):
        why = explain(ranking, post.post_id)
        assert why is not None
        assert why.place == place
        assert 1 <= len(why.says) <= 3
        assert len(set(why.says)) == len(why.says)
        assert sum(view.part for view in why.features) * post.boost == pytest.approx(post.score)
        assert [view.part for view in why.features] == sorted((view.part for view in why.features), reverse=True)
    assert explain(ranking, UUID(int=10**9)) is None


def test_signals() -> None:
    author, room = UUID(int=5), UUID(int=6)
    signals = find_signals(
        [
            Acted(Act.LIKE, author, Form.PHOTO, room, ("climate", "trays")),
            Acted(Act.IMPRESSION, author, Form.TEXT, dwell_s=10.0),
            Acted(Act.IMPRESSION, UUID(int=7), Form.TEXT, dwell_s=0.0),
        ]
    )
    assert [(signal.kind, signal.key, signal.amount) for signal in signals] == [
        (InterestKind.AUTHOR, str(author), 3.5),
        (InterestKind.ENVIRONMENT, str(room), 1.5),
        (InterestKind.FORM, "photo", 0.75),
        (InterestKind.FORM, "text", 0.125),
        (InterestKind.HASHTAG, "climate", 1.5),
        (InterestKind.HASHTAG, "trays", 1.5),
    ]


@given(st.sampled_from(Act), st.floats(-1e9, 1e9))
def test_no_act_is_worth_less_than_nothing_or_an_evening(act: Act, dwell_s: float) -> None:
    assert 0 <= worth(Acted(act, UUID(int=1), Form.TEXT, dwell_s=dwell_s)) <= 5
