"""The page that every visitor gets: bytes under a name."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ments.db.keyset import Place
from ments.feeds import shared
from ments.feeds.model import FeedKind, FeedPage, FeedSource
from ments.feeds.paging import write_page
from ments.posts.model import AuthorView, PostView, ShownStatus, Visibility

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def make_card(content: str = "Hello") -> PostView:
    author = AuthorView(uuid4(), "mara", None, "Mara", "Tidewell", False)
    return PostView(
        id=uuid4(), content=content, created_at=NOW, published_at=NOW, edited_at=None, status=ShownStatus.PUBLISHED,
        visibility=Visibility.PUBLIC, author=author, environment=None, media=[], poll=None, likes=1, replies=2,
        reposts=3, parent_post_id=None, viewer=None,
    )  # fmt: skip


texts = st.text(alphabet=st.characters(codec="utf-8")) | st.just('"source":"chronological"}')


@given(st.lists(texts, max_size=3), st.none() | st.just("a-cursor"))
def test_a_page_from_the_cache_says_so(contents: list[str], cursor: str | None) -> None:
    page = FeedPage([make_card(content) for content in contents], cursor, cursor is not None, FeedSource.CHRONOLOGICAL)
    written = write_page([msgspec.json.encode(card) for card in page.posts], cursor, page.source)
    assert written == msgspec.json.encode(page)
    back = msgspec.json.decode(shared.say_cached(written), type=FeedPage)
    assert back == FeedPage(page.posts, cursor, cursor is not None, FeedSource.CACHE)


def test_every_first_page_is_named_for_purging() -> None:
    keys = shared.first_page_keys()
    assert len(set(keys)) == len(keys) == 100
    assert shared.page_key(FeedKind.LATEST, 20, None) in keys
    assert shared.page_key(FeedKind.LATEST, 20, Place(NOW, UUID(int=1))) not in keys
