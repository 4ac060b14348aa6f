"""A card laid together from everybody's part and a reader's is the card that would have been drawn for that reader."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ments.posts.card_bytes import Fragment, Seen, SeenPoll, lay_over, read_fragment, take_fragment, write_fragment
from ments.posts.model import AuthorView, EnvironmentView, PostView, ShownStatus, ViewerView, Visibility
from ments.posts.polls import PollKind, PollOptionView, PollView

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
AUTHOR, READER = UUID(int=1), UUID(int=2)
texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    [
        ',"poll":null,"likes":0,"replies":0,"reposts":0,"parent_post_id":null,"viewer":null}',
        '"viewer":null}',
        "%b %d %%",
    ]
)
polls = st.builds(
    PollView,
    id=st.uuids(),
    question=texts,
    kind=st.sampled_from(PollKind),
    ends_at=st.just(NOW),
    is_over=st.booleans(),
    voters=st.integers(0, 9),
    options=st.lists(
        st.builds(PollOptionView, id=st.uuids(), text=texts, votes=st.integers(0, 9)), min_size=2, max_size=4
    ),
)
cards = st.builds(
    PostView,
    id=st.uuids(),
    content=texts,
    created_at=st.just(NOW),
    published_at=st.just(NOW),
    edited_at=st.none() | st.just(NOW),
    status=st.just(ShownStatus.PUBLISHED),
    visibility=st.just(Visibility.PUBLIC),
    author=st.builds(AuthorView, st.just(AUTHOR), st.just("mara"), st.none() | texts, texts, texts, st.booleans()),
    environment=st.none() | st.builds(EnvironmentView, st.uuids(), st.just("x"), texts),
    media=st.just([]),
    poll=st.none() | polls,
    likes=st.integers(0, 10**9),
    replies=st.integers(0, 10**9),
    reposts=st.integers(0, 10**9),
    parent_post_id=st.none() | st.uuids(),
    viewer=st.none(),
)


@given(cards, st.sampled_from([None, READER, AUTHOR]), st.integers(0, 7), st.booleans())
def test_laid_together_it_is_what_would_have_been_drawn(
    card: PostView, reader: UUID | None, flags: int, votes: bool
) -> None:
    chosen = (card.poll.options[0].id,) if card.poll and votes and reader else ()
    poll = card.poll and SeenPoll(
        card.poll.is_over,
        card.poll.voters,
        chosen or None,
        [(option.id, option.votes or 0) for option in card.poll.options],
    )
    acts = flags if reader else 0
    seen = Seen(str(card.id), str(AUTHOR), 0, "v", acts, card.likes, card.replies, card.reposts, poll)
    fragment = take_fragment(card)
    # Everybody's part says nothing of any reader, nor any count.
    assert fragment.poll is None or {option.votes for option in fragment.poll.options} == {None}
    kept = read_fragment(write_fragment(fragment))
    assert kept == fragment
    drawn = msgspec.json.decode(lay_over(kept, seen, reader), type=PostView)
    viewer = reader and ViewerView(bool(flags & 1), bool(flags & 2), bool(flags & 4), chosen)
    tells = card.poll is not None and (card.poll.is_over or reader == AUTHOR or bool(chosen))
    shown = card.poll and replace(
        card.poll, options=[option if tells else replace(option, votes=None) for option in card.poll.options]
    )
    assert drawn == replace(card, viewer=viewer, poll=shown)


@given(st.binary(max_size=60))
def test_what_another_version_wrote_is_not_read(raw: bytes) -> None:
    found = read_fragment(raw)
    assert found is None or isinstance(found, Fragment)
    assert read_fragment(msgspec.msgpack.encode([b"x", uuid4().hex])) is None
