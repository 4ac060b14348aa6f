"""The page that everybody gets: bytes that are taken apart and put together again."""

from datetime import UTC, datetime
from uuid import uuid4

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ments.db.keyset import Place
from ments.feeds import shared
from ments.feeds.model import FeedKind, FeedPage, FeedSource
from ments.feeds.rules import Laid
from ments.posts.model import AuthorView, PostView, ShownStatus, ViewerView, Visibility
from ments.posts.polls import PollKind, PollOptionView, PollResults, PollView
from ments.posts.reactions import Overlay

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def make_card(content: str = "Hello", viewer: ViewerView | None = None, poll: PollView | None = None) -> PostView:
    now = NOW
    author = AuthorView(uuid4(), "mara", None, "Mara", "Tidewell", False)
    return PostView(
        id=uuid4(), content=content, created_at=now, published_at=now, edited_at=None, status=ShownStatus.PUBLISHED,
        visibility=Visibility.PUBLIC, author=author, environment=None, media=[], poll=poll, likes=1, replies=2,
        reposts=3, parent_post_id=None, viewer=viewer,
    )  # fmt: skip


texts = (
    st.text(alphabet=st.characters(codec="utf-8")) | st.just('"viewer":null}') | st.just('"source":"chronological"}')
)


@given(st.lists(texts, max_size=5), st.none() | st.just("a-cursor"))
def test_a_members_page_differs_in_the_overlay_alone(contents: list[str], cursor: str | None) -> None:
    page = FeedPage([make_card(content) for content in contents], cursor, cursor is not None, FeedSource.CHRONOLOGICAL)
    entries, found_cursor = shared.take_apart(shared.encode_page(page))
    assert found_cursor == cursor
    assert [(e.place.id, e.place.at, e.author_id) for e in entries] == [
        (card.id, card.published_at, card.author.id) for card in page.posts
    ]
    mine = make_card("mine", ViewerView(liked=True))
    own = Laid(Place(NOW, mine.id), mine.author.id, shared.card_bytes(mine))
    assert shared.list_for_all([own, *entries]) == [card.id for card in page.posts]
    did = {card.id: Overlay(ViewerView(bookmarked=True)) for card in page.posts[::2]}
    document = shared.put_together([own, *entries], {**did, mine.id: Overlay()}, cursor, FeedSource.CACHE)
    back = msgspec.json.decode(document, type=FeedPage)
    assert back.posts[0].viewer == ViewerView(liked=True)
    assert [card.content for card in back.posts[1:]] == contents
    assert [card.viewer for card in back.posts[1:]] == [
        ViewerView(bookmarked=n % 2 == 0) for n in range(len(page.posts))
    ]
    assert (back.cursor, back.has_more, back.source) == (cursor, cursor is not None, FeedSource.CACHE)


@given(st.lists(texts, max_size=3))
def test_a_page_from_the_cache_says_so(contents: list[str]) -> None:
    page = FeedPage([make_card(content) for content in contents], None, False, FeedSource.CHRONOLOGICAL)
    back = msgspec.json.decode(shared.say_cached(shared.encode_page(page)), type=FeedPage)
    assert back.source is FeedSource.CACHE
    assert back.posts == page.posts


def test_every_first_page_is_named_for_purging() -> None:
    keys = shared.first_page_keys()
    assert len(set(keys)) == len(keys) == 100
    assert shared.page_key(FeedKind.LATEST, 20, None) in keys
    place = shared.take_apart(shared.encode_page(FeedPage([make_card()], None, False, FeedSource.CHRONOLOGICAL)))[0][0]
    assert shared.page_key(FeedKind.LATEST, 20, place.place) not in keys


def make_poll(votes: int | None) -> PollView:
    options = [PollOptionView(uuid4(), text, votes) for text in ("Yes", "No")]
    return PollView(uuid4(), "", PollKind.SINGLE_CHOICE, NOW, False, 7, options)


def test_results_are_laid_over_the_card_of_who_may_know_them_alone() -> None:
    cards = [make_card("one", poll=make_poll(None)), make_card("other", poll=make_poll(None))]
    entries, _ = shared.take_apart(shared.encode_page(FeedPage(cards, None, False, FeedSource.CACHE)))
    assert cards[0].poll
    yes, no = (option.id for option in cards[0].poll.options)
    did = {cards[0].id: Overlay(ViewerView(votes=(yes,)), PollResults(6, {yes: 5, no: 2}))}
    back = msgspec.json.decode(shared.put_together(entries, did, None, FeedSource.CACHE), type=FeedPage)
    polls = [card.poll for card in back.posts]
    assert [[option.votes for option in poll.options] for poll in polls if poll] == [[5, 2], [None, None]]
    assert [poll.voters for poll in polls if poll] == [6, 7]
    assert [card.viewer for card in back.posts] == [ViewerView(votes=(yes,)), ViewerView()]
    assert [card.content for card in back.posts] == ["one", "other"]
