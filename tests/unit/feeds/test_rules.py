"""Which feed a reader gets, and a member's own posts laid over everybody's page."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.db.keyset import Place
from ments.errors import Unauthenticated
from ments.feeds.model import FeedKind, FeedKindUnavailable
from ments.feeds.rules import Laid, Slice, choose_kind, lay_out

ME = UUID(int=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


def test_kinds() -> None:
    assert choose_kind(None, signed_in=False) is FeedKind.LATEST
    assert choose_kind("", signed_in=True) is FeedKind.FOR_YOU
    assert choose_kind("latest", signed_in=True) is FeedKind.LATEST
    assert choose_kind("following", signed_in=True) is FeedKind.FOLLOWING
    with pytest.raises(Unauthenticated):
        choose_kind("following", signed_in=False)
    for unavailable in ("nonsense", "LATEST"):
        with pytest.raises(FeedKindUnavailable) as refused:
            choose_kind(unavailable, signed_in=True)
        assert refused.value.problem_code == "feed_kind_unavailable"
        assert refused.value.problem_status == 422


def laid(at: int, author: UUID, card: str) -> Laid[str]:
    return Laid(Place(START + timedelta(seconds=at), UUID(int=at)), author, card)


OTHERS = {UUID(int=n) for n in (2, 3, 4)}


@st.composite
def feeds(draw: st.DrawFn) -> tuple[list[Laid[str]], list[Laid[str]], list[Laid[str]], int]:
    """Others' posts, mine as everybody's page has them, mine as they are, and a page's size."""
    moments = draw(st.lists(st.integers(1, 60), unique=True, max_size=40))
    others, stale, own = [], [], []
    for at in sorted(moments, reverse=True):
        kind = draw(st.sampled_from(["other", "other", "mine", "mine, deleted", "mine, waiting"]))
        if kind == "other":
            others.append(laid(at, draw(st.sampled_from(sorted(OTHERS))), "shared"))
        if kind in ("mine", "mine, deleted"):
            stale.append(laid(at, ME, "stale"))
        if kind in ("mine", "mine, waiting"):
            own.append(laid(at, ME, "own"))
    return others, stale, own, draw(st.integers(1, 10))


@given(feeds(), st.sets(st.sampled_from(sorted(OTHERS))))
def test_walking_the_pages_shows_each_post_once_in_order(
    feed: tuple[list[Laid[str]], list[Laid[str]], list[Laid[str]], int], unwanted: set[UUID]
) -> None:
    others, stale, own, limit = feed
    everybody = sorted([*others, *stale], key=lambda e: e.place, reverse=True)
    seen: list[Laid[str]] = []
    before = Place.last()
    for _ in range(100):
        rest = [e for e in everybody if e.place < before]
        page = Slice(rest[:limit], rest[limit - 1].place if len(rest) > limit else None)
        end = page.last or Place.first()
        mine = [e for e in own if end <= e.place < before][: limit + 1]
        result = lay_out(page, mine, ME, unwanted, limit)
        assert len(result.entries) <= limit
        assert not {entry.author_id for entry in result.entries} & unwanted
        seen += result.entries
        if result.last is None:
            break
        before = result.last
    else:
        pytest.fail("the pages never end")
    wanted = [entry for entry in others if entry.author_id not in unwanted]
    assert seen == sorted([*wanted, *own], key=lambda e: e.place, reverse=True)
    assert "stale" not in {entry.card for entry in seen}
