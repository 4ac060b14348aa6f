"""Cards drawn from ids: in the order asked, for one reader, and never what that reader may not see."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from ments.app import open_fragments
from ments.cache import Valkey
from ments.parts import Parts
from ments.posts import actions
from ments.posts.fragments import draw_cards, queries
from ments.posts.model import NewPost, PostView, Visibility
from ments.posts.polls import PollDraft
from ments.posts.seen import find_seen_post
from ments.posts.store import hydrate_posts
from ments.relationships.actions import set_tie
from ments.relationships.model import AccountNotFound, TieKind
from posting import Member, make_media, make_member
from valkey_server import ValkeyServer


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


async def cards_of(parts: Parts, reader: Member | None, ids: list[UUID]) -> list[PostView]:
    viewer_id = reader.viewer.id if reader else None
    async with parts.primary.session() as session:
        cards = await draw_cards(parts, session, viewer_id, ids)
    return [msgspec.json.decode(card.body, type=PostView) for card in cards]


async def plain_cards_of(parts: Parts, reader: Member | None, ids: list[UUID]) -> list[PostView]:
    """The same from rows alone."""
    async with parts.primary.session() as session:
        plain = await hydrate_posts(session, ids, parts.media_urls, reader.viewer.id if reader else None)
    return msgspec.json.decode(msgspec.json.encode(plain), type=list[PostView])


async def execute(parts: Parts, sql: str, *values: Any) -> None:
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(sql, values)


async def version_of(parts: Parts, post_id: UUID) -> str:
    async with parts.primary.session() as session:
        said = await queries.see_cards(session.connection, reader=None, ids=f"{{{post_id}}}", spare_muted=False)
    version: str = msgspec.json.decode(said)[0][3]
    return version


async def test_random_readers_get_what_the_rules_say_and_what_rows_say(parts: Parts) -> None:
    """`see_cards` and `may_see` say the same; cards from fragments are cards from rows, whoever reads first."""
    rng = Random(20)
    people = [await make_member(parts) for _ in range(6)]
    ids: list[UUID] = []
    for who in people:
        for number, visibility in enumerate(Visibility):
            media = [await make_media(parts, who.viewer, generation="p1" if visibility is Visibility.PUBLIC else "s1")]
            poll = PollDraft(("Yes", "No")) if number == 0 else None
            new = NewPost(f"{visibility}", tuple(media if rng.random() < 0.5 else ()), poll, visibility=visibility)
            ids.append((await actions.create_post(parts, who.viewer, new)).id)
    for who, whom in ((a, b) for a in people for b in people if a is not b):
        kind = rng.choice([TieKind.FOLLOW, TieKind.FOLLOW, TieKind.BLOCK, TieKind.MUTE, None, None, None])
        if kind is not None:
            # Those who are hidden from one another cannot be followed.
            with suppress(AccountNotFound):
                await set_tie(parts, who.viewer, kind, whom.viewer.username, wanted=True)
    for _ in range(8):
        parent = rng.choice(ids)
        who = rng.choice(people)
        async with parts.primary.session() as session:
            if await find_seen_post(session, who.viewer.id, parent) is not None:
                new = NewPost("an answer", parent_post_id=parent, visibility=rng.choice(list(Visibility)))
                ids.append((await actions.create_post(parts, who.viewer, new)).id)
    # One waits, one is gone, some were liked and voted on, and not folded yet.
    await execute(parts, "update posts set status = 'waiting' where id = %s", ids[0])
    await execute(parts, "update posts set status = 'deleted' where id = %s", ids[3])
    for _ in range(40):
        await execute(
            parts, "insert into likes (account_id, post_id) values (%s, %s) on conflict do nothing",
            rng.choice(people).viewer.id, rng.choice(ids),
        )  # fmt: skip
    await execute(
        parts,
        """insert into poll_votes (poll_id, account_id, option_ids)
           select q.id, %s, array[(select id from poll_options o where o.poll_id = q.id and position = 0)] from polls q""",
        people[2].viewer.id,
    )
    await execute(parts, "update polls set ends_at = now() where post_id = %s", ids[6])
    readers = [*people, None] * 2
    rng.shuffle(readers)
    for reader in readers:
        viewer_id = reader.viewer.id if reader else None
        shuffled = rng.sample(ids, len(ids))
        async with parts.primary.session() as session:
            seen = [one for one in shuffled if await find_seen_post(session, viewer_id, one) is not None]
        got = await cards_of(parts, reader, shuffled)
        assert [card.id for card in got] == seen
        assert got == await plain_cards_of(parts, reader, shuffled)
    # What is kept is everybody's: nothing of it is for followers, private, signed, or an author's own view.
    names = [name async for name in parts.valkey.client.scan_iter("fr:*")]
    assert names
    kept = b"".join(await parts.valkey.client.mget(names))
    for mark in (b'"followers"', b'"private"', b"/m/", b"clip.mov", b'"waiting"'):
        assert mark not in kept


async def test_whatever_changes_a_card_changes_its_version(parts: Parts) -> None:
    mara, ann = [await make_member(parts) for _ in range(2)]
    media = await make_media(parts, mara.viewer)
    spare = await make_media(parts, mara.viewer)
    async with parts.primary.session() as session:
        rooms = await (await session.connection.execute("select id from environments order by position")).fetchall()
    new = NewPost("first", (media,), PollDraft(("Yes", "No")), environment_id=rooms[0]["id"])
    post_id = (await actions.create_post(parts, mara.viewer, new)).id
    changes: list[tuple[str, tuple[Any, ...]]] = [
        ("update posts set content = 'other' where id = %s", (post_id,)),
        ("update posts set edited_at = now() where id = %s", (post_id,)),
        ("update posts set environment_id = %s where id = %s", (rooms[1]["id"], post_id)),
        ("update environments set name = name || '!' where id = %s", (rooms[1]["id"],)),
        ("update environments set name = rtrim(name, '!') where id = %s", (rooms[1]["id"],)),
        ("update accounts set full_name = 'Mara' where id = %s", (mara.viewer.id,)),
        ("update accounts set avatar_url = '/x.png' where id = %s", (mara.viewer.id,)),
        ("update media set blurhash = 'abc' where id = %s", (media,)),
        ("update media set progress = 0.5 where id = %s", (media,)),
        ("update media set generation = 'p2' where id = %s", (media,)),
        ("update post_media set alt_text = 'a dog' where media_id = %s", (media,)),
        ("insert into media_captions (media_id, language, number, label, generation) values (%s, 'en', 7, 'E', 'p2')", (media,)),
        ("update media_captions set number = 8 where media_id = %s", (media,)),
        ("delete from media_captions where media_id = %s", (media,)),
        ("insert into post_media (post_id, media_id, position) values (%s, %s, 1)", (post_id, spare)),
        ("delete from post_media where media_id = %s", (media,)),
        ("update post_media set media_id = %s where post_id = %s", (media, post_id)),
        ("update polls set question = 'Well?' where post_id = %s", (post_id,)),
        ("update poll_options set text = 'Maybe' where position = 1 and poll_id = (select id from polls where post_id = %s)", (post_id,)),
        ("delete from poll_options where position = 1 and poll_id = (select id from polls where post_id = %s)", (post_id,)),
    ]  # fmt: skip
    versions = [await version_of(parts, post_id)]
    for sql, values in changes:
        await cards_of(parts, ann, [post_id])
        await execute(parts, sql, *values)
        versions.append(await version_of(parts, post_id))
        assert versions[-1] != versions[-2], sql
        assert await cards_of(parts, ann, [post_id]) == await plain_cards_of(parts, ann, [post_id]), sql
    # Counts are no part of it.
    await execute(parts, "update posts set likes = likes + 5 where id = %s", post_id)
    await execute(parts, "update accounts set followers = followers + 1 where id = %s", mara.viewer.id)
    assert await version_of(parts, post_id) == versions[-1]
    (card,) = await cards_of(parts, ann, [post_id])
    assert card.likes == 5


async def test_a_spoilt_fragment_is_made_anew(parts: Parts) -> None:
    mara, ann = [await make_member(parts) for _ in range(2)]
    ids = [(await actions.create_post(parts, mara.viewer, NewPost(f"{n}"))).id for n in range(4)]
    right = await cards_of(parts, ann, ids)
    names = sorted([name async for name in parts.valkey.client.scan_iter("fr:*")])
    assert len(names) == 4
    whole = await parts.valkey.client.get(names[0])
    spoilt = [whole[:-3], b"", whole.replace(b"content", b"c0ntent"), b"\x00" * len(whole)]
    for name, value in zip(names, spoilt, strict=True):
        await parts.valkey.client.set(name, value)
    # A process that has none of its own.
    fresh = replace(parts, fragments=open_fragments(parts.valkey))
    assert await cards_of(fresh, ann, ids) == right
    mended = await parts.valkey.client.mget(names)
    assert set(mended).isdisjoint(spoilt)
    assert 0 < await parts.valkey.client.ttl(names[0]) <= 3600


async def test_a_valkey_that_is_half_full_is_left_alone(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> None:
    server = ValkeyServer(tmp_path_factory.mktemp("full"))
    server.start()
    try:
        await _read_beside_a_full(parts, server)
    finally:
        server.kill()


async def _read_beside_a_full(parts: Parts, server: ValkeyServer) -> None:
    mara = await make_member(parts)
    post_id = (await actions.create_post(parts, mara.viewer, NewPost("one"))).id
    full = Valkey(server.url)
    fresh = replace(parts, valkey=full, fragments=open_fragments(full))
    await full.client.config_set("maxmemory", 50_000_000)
    for n in range(30):
        await full.client.set(f"jobs:{n}", b"x" * 1_000_000)
    assert [card.content for card in await cards_of(fresh, mara, [post_id])] == ["one"]
    assert [name async for name in full.client.scan_iter("fr:*")] == []
    await full.client.delete(*[f"jobs:{n}" for n in range(30)])
    fresh = replace(fresh, fragments=open_fragments(full))
    await cards_of(fresh, mara, [post_id])
    assert len([name async for name in full.client.scan_iter("fr:*")]) == 1
    await full.close()


async def test_cards_are_drawn_without_valkey(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> None:
    mara, ann = [await make_member(parts) for _ in range(2)]
    ids = [(await actions.create_post(parts, mara.viewer, NewPost(f"{n}"))).id for n in range(3)]
    server = ValkeyServer(tmp_path_factory.mktemp("away"))
    away = Valkey(server.url)
    fresh = replace(parts, valkey=away, fragments=open_fragments(away))
    drawn = await asyncio.gather(*[cards_of(fresh, ann, ids) for _ in range(20)])
    assert [[card.content for card in cards] for cards in drawn] == [["0", "1", "2"]] * 20
    await away.close()
