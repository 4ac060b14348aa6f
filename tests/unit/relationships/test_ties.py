"""Who sees whom and what, over random ties: blocks are symmetric, and nobody sees what they may not."""

from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.posts.model import Post, PostStatus, Visibility
from ments.posts.rules import Reach, circle_of, may_see, narrower_of
from ments.relationships.model import (
    BLOCKS_MAX,
    FOLLOWS_MAX,
    MUTES_MAX,
    STRANGERS,
    AccountNotFound,
    NotYourself,
    TieKind,
    Ties,
    TiesFull,
)
from ments.relationships.rules import check_in_sight, check_other, check_reach, check_room, ties_view

PEOPLE = [UUID(int=n) for n in range(1, 6)]
pairs = st.sets(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)).filter(lambda pair: pair[0] != pair[1]))


class World:
    """Follows, blocks and mutes as the actions leave them: a block ends the follows between the two."""

    def __init__(
        self, follows: set[tuple[UUID, UUID]], blocks: set[tuple[UUID, UUID]], mutes: set[tuple[UUID, UUID]]
    ) -> None:
        apart = blocks | {(blocked, blocker) for blocker, blocked in blocks}
        self.follows, self.blocks, self.mutes = follows - apart, blocks, mutes

    def ties(self, one: UUID, other: UUID) -> Ties:
        return Ties(
            follows=(one, other) in self.follows,
            followed_by=(other, one) in self.follows,
            blocks=(one, other) in self.blocks,
            blocked_by=(other, one) in self.blocks,
            mutes=(one, other) in self.mutes,
        )

    def sees(self, viewer: UUID | None, post: Post) -> bool:
        """As a row of a post tells it."""
        if viewer is None:
            return may_see(None, post, Reach())
        follows = (viewer, post.followers_of or post.account_id) in self.follows
        return may_see(viewer, post, Reach(self.ties(viewer, post.account_id).hidden, follows))


worlds = st.builds(World, pairs, pairs, pairs)


def written(by: UUID, visibility: Visibility, parent: Post | None = None) -> Post:
    """A post as `create_post` would write it."""
    narrow = narrower_of(visibility, parent.visibility) if parent else visibility
    return Post(UUID(int=99), by, parent and parent.id, "x", narrow, PostStatus.PUBLISHED, circle_of(narrow, parent))


@given(worlds)
def test_a_block_hides_both_from_each_other_whoever_began(world: World) -> None:
    for one, other in product(PEOPLE, PEOPLE):
        there, back = world.ties(one, other), world.ties(other, one)
        assert there.hidden == back.hidden == ((one, other) in world.blocks or (other, one) in world.blocks)
        assert (there.follows, there.followed_by) == (back.followed_by, back.follows)
        if there.hidden:
            assert (there.follows, there.followed_by) == (False, False)
            for visibility in Visibility:
                assert not world.sees(one, written(other, visibility))
                assert not world.sees(other, written(one, visibility))
            with pytest.raises(AccountNotFound):
                check_in_sight(there)


@given(worlds, st.sampled_from(PEOPLE), st.none() | st.sampled_from(PEOPLE))
def test_posts_are_seen_by_those_they_are_for(world: World, author: UUID, viewer: UUID | None) -> None:
    apart = viewer is not None and world.ties(viewer, author).hidden
    seen = {visibility: world.sees(viewer, written(author, visibility)) for visibility in Visibility}
    if viewer == author:
        assert all(seen.values())
    else:
        follows = viewer is not None and (viewer, author) in world.follows
        assert seen == {
            Visibility.PUBLIC: not apart,
            Visibility.FOLLOWERS: follows,
            Visibility.PRIVATE: False,
        }


@given(
    worlds,
    st.sampled_from(PEOPLE),
    st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(Visibility)), min_size=1, max_size=4),
    st.sampled_from(Visibility),
)
def test_a_thread_is_never_wider_than_its_beginning(
    world: World, author: UUID, answers: list[tuple[UUID, Visibility]], visibility: Visibility
) -> None:
    root = last = written(author, visibility)
    for by, wanted in answers:
        if not world.sees(by, last):
            continue
        answer = written(by, wanted, last)
        for viewer in (None, *PEOPLE):
            if viewer not in (by, author) and world.sees(viewer, answer) and root.visibility is not Visibility.PUBLIC:
                # Whoever sees an answer to what is for followers is one of them.
                assert (viewer, author) in world.follows
        if answer.visibility is Visibility.FOLLOWERS and root.visibility is Visibility.FOLLOWERS:
            # Whoever began it sees what is answered, unless the two are hidden from each other.
            assert world.sees(author, answer) != (author != by and world.ties(author, by).hidden)
        last = answer


@given(worlds)
def test_a_mute_hides_nothing_from_anybody_but_feeds(world: World) -> None:
    silent = World(world.follows, world.blocks, set())
    for viewer, author, visibility in product(PEOPLE, PEOPLE, Visibility):
        post = written(author, visibility)
        assert world.sees(viewer, post) == silent.sees(viewer, post)


def test_what_is_told_of_ties_leaves_out_who_blocked_the_reader() -> None:
    told = ties_view(Ties(blocked_by=True))
    assert told == ties_view(STRANGERS)


@pytest.mark.parametrize("kind", list(TieKind))
def test_nobody_does_it_to_themselves(kind: TieKind) -> None:
    check_other(kind, PEOPLE[0], PEOPLE[1])
    with pytest.raises(NotYourself) as refused:
        check_other(kind, PEOPLE[0], PEOPLE[0])
    assert refused.value.problem_status == 422


@pytest.mark.parametrize("ties", [Ties(blocks=True), Ties(blocked_by=True)], ids=["blocks", "blocked"])
def test_only_a_block_reaches_through_a_block(ties: Ties) -> None:
    check_reach(TieKind.BLOCK, ties)
    for kind in (TieKind.FOLLOW, TieKind.MUTE):
        check_reach(kind, STRANGERS)
        with pytest.raises(AccountNotFound):
            check_reach(kind, ties)


@pytest.mark.parametrize(
    ("kind", "most"), [(TieKind.FOLLOW, FOLLOWS_MAX), (TieKind.BLOCK, BLOCKS_MAX), (TieKind.MUTE, MUTES_MAX)]
)
def test_an_account_has_only_so_many(kind: TieKind, most: int) -> None:
    check_room(kind, most)
    with pytest.raises(TiesFull) as full:
        check_room(kind, most + 1)
    assert full.value.problem_code == f"too_many_{kind}s"
    assert f"{most:,}" in full.value.safe
