"""Who may see a post, and when its attachments let it appear."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.media.model import Audience, MediaStatus
from ments.posts.model import Post, PostRefused, PostStatus, ShownStatus, Visibility
from ments.posts.rules import (
    Attachable,
    Reach,
    are_playable,
    audience_of,
    check_attachable,
    circle_of,
    is_for_everybody,
    may_see,
    narrower_of,
    shown_status,
)

accounts = st.integers(0, 3).map(lambda n: UUID(int=n))
viewers = st.none() | accounts
posts = st.builds(
    Post,
    id=st.uuids(),
    account_id=accounts,
    parent_post_id=st.none(),
    content=st.just("x"),
    visibility=st.sampled_from(Visibility),
    status=st.sampled_from(PostStatus),
    followers_of=st.none() | accounts,
)
reaches = st.builds(Reach, hidden=st.booleans(), follows=st.booleans())
media = st.builds(
    Attachable,
    id=st.uuids(),
    account_id=accounts,
    status=st.sampled_from(MediaStatus),
    generation=st.sampled_from([None, "s1", "s2", "p1", "p2"]),
    post_id=st.none() | st.uuids(),
)


@given(viewers, posts, reaches)
def test_nobody_sees_what_was_not_meant_for_them(viewer: UUID | None, post: Post, reach: Reach) -> None:
    if may_see(viewer, post, reach):
        assert post.status is not PostStatus.DELETED
        if viewer != post.account_id:
            assert post.status is PostStatus.PUBLISHED
            assert not reach.hidden
            assert post.visibility is not Visibility.PRIVATE
            if post.visibility is Visibility.FOLLOWERS:
                assert viewer is not None
                assert reach.follows or viewer == post.followers_of


@given(viewers, posts, reaches)
def test_what_may_be_cached_for_all_is_seen_by_all_but_those_it_is_hidden_from(
    viewer: UUID | None, post: Post, reach: Reach
) -> None:
    if is_for_everybody(post):
        assert may_see(viewer, post, reach) == (viewer == post.account_id or not reach.hidden)


@given(posts, reaches)
def test_an_author_sees_all_that_is_not_deleted(post: Post, reach: Reach) -> None:
    assert may_see(post.account_id, post, reach) == (post.status is not PostStatus.DELETED)


@given(posts, posts)
def test_replies_to_what_is_for_followers_are_for_the_same_people(parent: Post, reply: Post) -> None:
    visibility = narrower_of(parent.visibility, reply.visibility)
    circle = circle_of(visibility, parent)
    if visibility is Visibility.FOLLOWERS and parent.visibility is Visibility.FOLLOWERS:
        assert circle == (parent.followers_of or parent.account_id)
    else:
        assert circle is None


@given(st.sampled_from(Visibility), st.sampled_from(Visibility), viewers, posts, reaches)
def test_a_reply_is_never_wider_than_what_it_answers(
    parent: Visibility, wanted: Visibility, viewer: UUID | None, post: Post, reach: Reach
) -> None:
    def seen(visibility: Visibility) -> bool:
        return may_see(viewer, Post(post.id, post.account_id, None, "x", visibility, post.status), reach)

    assert narrower_of(parent, wanted) == narrower_of(wanted, parent)
    assert seen(narrower_of(parent, wanted)) <= (seen(parent) and seen(wanted))


@given(st.lists(media, max_size=4), st.sampled_from(Visibility))
def test_a_post_appears_when_its_audience_can_fetch_all_of_it(found: list[Attachable], visibility: Visibility) -> None:
    audience = audience_of(visibility)
    if are_playable(found, audience):
        assert all(m.status in ("playable", "ready") and m.generation for m in found)
        if visibility is Visibility.PUBLIC:
            assert all((m.generation or "").startswith("p") for m in found)


def test_only_a_public_post_opens_its_attachments() -> None:
    assert [audience_of(v) for v in Visibility] == [Audience.PUBLIC, Audience.PRIVATE, Audience.PRIVATE]


@given(st.lists(st.sampled_from(MediaStatus), max_size=4))
def test_a_failed_attachment_shows_on_a_waiting_post_only(statuses: list[MediaStatus]) -> None:
    assert shown_status(PostStatus.PUBLISHED, statuses) is ShownStatus.PUBLISHED
    is_failed = MediaStatus.FAILED in statuses or MediaStatus.ERASED in statuses
    assert shown_status(PostStatus.WAITING, statuses) is (ShownStatus.FAILED if is_failed else ShownStatus.WAITING)


AUTHOR, OTHER, POST = UUID(int=1), UUID(int=2), UUID(int=9)


@pytest.mark.parametrize(
    ("account", "status", "held_by", "code"),
    [
        (OTHER, MediaStatus.READY, None, "media_unknown"),
        (AUTHOR, MediaStatus.READY, UUID(int=8), "media_taken"),
        (AUTHOR, MediaStatus.FAILED, None, "media_failed"),
        (AUTHOR, MediaStatus.ERASED, None, "media_failed"),
        (AUTHOR, MediaStatus.UPLOADING, None, None),
        (AUTHOR, MediaStatus.PROCESSING, None, None),
        (AUTHOR, MediaStatus.READY, None, None),
        (AUTHOR, MediaStatus.FAILED, POST, None),  # a failed one may stay where it is while other things change
    ],
)
def test_what_may_be_attached(account: UUID, status: MediaStatus, held_by: UUID | None, code: str | None) -> None:
    found = [Attachable(UUID(int=5), account, status, "s1", held_by)]
    if code is None:
        check_attachable([UUID(int=5)], found, AUTHOR, POST)
    else:
        with pytest.raises(PostRefused) as refused:
            check_attachable([UUID(int=5)], found, AUTHOR, POST)
        assert refused.value.problem_code == code


def test_somebody_elses_media_and_none_at_all_get_the_same_answer() -> None:
    texts = []
    for found in ([], [Attachable(UUID(int=5), OTHER, MediaStatus.READY, "p1", None)]):
        with pytest.raises(PostRefused) as refused:
            check_attachable([UUID(int=5)], found, AUTHOR, POST)
        texts.append((refused.value.safe, refused.value.problem_code, refused.value.extra))
    assert texts[0] == texts[1]
