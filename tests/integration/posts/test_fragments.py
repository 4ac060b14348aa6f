"""Cards drawn from ids: in the order asked, for one reader, and never what that reader may not see."""

from __future__ import annotations

from uuid import UUID, uuid4

import msgspec

from ments.parts import Parts
from ments.posts import actions
from ments.posts.fragments import draw_cards
from ments.posts.model import NewPost, Visibility
from ments.relationships.actions import set_tie
from ments.relationships.model import TieKind
from posting import Member, make_member


async def drawn(parts: Parts, reader: Member | None, ids: list[UUID], *, spare_muted: bool = False) -> list[UUID]:
    viewer_id = reader.viewer.id if reader else None
    async with parts.primary.session() as session:
        cards = await draw_cards(parts, session, viewer_id, ids, spare_muted=spare_muted)
    for card in cards:
        body = msgspec.json.decode(card.body)
        assert (body["id"], body["author"]["id"]) == (str(card.id), str(card.author_id))
        assert (body["viewer"] is None) == (reader is None)
    return [card.id for card in cards]


async def test_cards_come_in_the_order_asked_without_what_the_reader_may_not_see(parts: Parts) -> None:
    ada, ben, cy = [await make_member(parts) for _ in range(3)]
    first = (await actions.create_post(parts, ada.viewer, NewPost("first"))).id
    circle = (await actions.create_post(parts, ada.viewer, NewPost("circle", visibility=Visibility.FOLLOWERS))).id
    own = (await actions.create_post(parts, ada.viewer, NewPost("own", visibility=Visibility.PRIVATE))).id
    gone = (await actions.create_post(parts, ada.viewer, NewPost("gone"))).id
    await actions.delete_post(parts, ada.viewer, gone)
    others = (await actions.create_post(parts, ben.viewer, NewPost("Ben's"))).id
    ids = [own, others, uuid4(), gone, circle, first]
    assert await drawn(parts, ada, ids) == [own, others, circle, first]
    assert await drawn(parts, cy, ids) == [others, first]
    assert await drawn(parts, None, ids) == [others, first]
    await set_tie(parts, cy.viewer, TieKind.FOLLOW, ada.viewer.username, wanted=True)
    assert await drawn(parts, cy, ids) == [others, circle, first]
    await set_tie(parts, cy.viewer, TieKind.MUTE, ben.viewer.username, wanted=True)
    assert await drawn(parts, cy, ids) == [others, circle, first]
    assert await drawn(parts, cy, ids, spare_muted=True) == [circle, first]
    await set_tie(parts, ada.viewer, TieKind.BLOCK, cy.viewer.username, wanted=True)
    assert await drawn(parts, cy, ids, spare_muted=True) == []
    assert await drawn(parts, cy, []) == []
