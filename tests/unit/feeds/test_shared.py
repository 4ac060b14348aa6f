"""The page that everybody gets: bytes that are taken apart and put together again."""

from datetime import UTC, datetime
from uuid import uuid4

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ments.feeds import shared
from ments.feeds.model import FeedKind, FeedPage, FeedSource
from ments.posts.model import AuthorView, PostView, ShownStatus, ViewerView, Visibility


def make_card(content: str = "Hello", viewer: ViewerView | None = None) -> PostView:
    now = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    author = AuthorView(uuid4(), "mara", None, "Mara", "Tidewell", False)
    return PostView(
        id=uuid4(), content=content, created_at=now, published_at=now, edited_at=None, status=ShownStatus.PUBLISHED,
        visibility=Visibility.PUBLIC, author=author, environment=None, media=[], poll=None, likes=1, replies=2,
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
    mine = shared.card_bytes(make_card("mine", ViewerView(liked=True)))
    document = shared.put_together([mine, *(e.card for e in entries)], cursor, FeedSource.CACHE)
    back = msgspec.json.decode(document, type=FeedPage)
    assert back.posts[0].viewer == ViewerView(liked=True)
    assert [card.content for card in back.posts[1:]] == contents
    assert all(card.viewer == ViewerView() for card in back.posts[1:])
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
