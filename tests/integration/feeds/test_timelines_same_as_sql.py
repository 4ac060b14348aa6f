"""Whatever happens, and in whichever order: a home feed read with timelines is what plain SQL says it is.

Members post, follow, block, mute and delete; posts are pushed late; timelines are evicted, spoilt, made while all that goes on;
accounts are pulled and pushed again. Five entries are kept, and more than two followers are many.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ments.db.keyset import Place
from ments.feeds import fan_out, timeline_rules, timelines, timelines_made
from ments.feeds import timelines_kept as kept
from ments.parts import Parts
from ments.relationships.actions import set_tie
from ments.relationships.model import AccountNotFound, TieKind
from posting import Member, make_member

_START = datetime(2026, 3, 1, tzinfo=UTC)
_STEPS = 100


@dataclass
class World:
    """Five members, what they did, and what is still to be done for it by jobs."""

    parts: Parts
    dice: random.Random
    members: list[Member]
    posts: list[UUID] = field(default_factory=list)
    pushes: list[UUID] = field(default_factory=list)
    drafts: list[timelines_made.Draft] = field(default_factory=list)
    clock: int = 0
    done: list[str] = field(default_factory=list)

    def moment(self) -> datetime:
        """Goes on, but not each time, and now and then something older comes late."""
        self.clock += self.dice.choice((0, 1, 1, 5))
        return _START + timedelta(
            microseconds=self.clock - (self.dice.randrange(30) if self.dice.random() < 0.2 else 0)
        )

    async def run(self, sql: str, *values: object) -> None:
        async with self.parts.primary.transaction() as tx:
            await tx.connection.execute(sql, values)

    async def post(self) -> None:
        post_id = UUID(int=self.dice.getrandbits(128))
        status = self.dice.choice(("published",) * 6 + ("waiting",))
        await self.run(
            "insert into posts (id, account_id, visibility, status, sorted_at) values (%s, %s, %s, %s, %s)",
            post_id,
            self.dice.choice(self.members).viewer.id,
            self.dice.choice(("public", "public", "followers", "private")),
            status,
            self.moment(),
        )
        self.posts.append(post_id)
        if status == "published":
            self.pushes.append(post_id)

    async def reply(self) -> None:
        if self.posts:
            await self.post()
            await self.run(
                "update posts set parent_post_id = %s where id = %s", self.dice.choice(self.posts[:-1] or self.posts), self.posts[-1]
            )  # fmt: skip

    async def publish(self) -> None:
        if self.posts:
            post_id = self.dice.choice(self.posts)
            sql = "update posts set status = 'published', sorted_at = %s where id = %s and status = 'waiting'"
            await self.run(sql, self.moment(), post_id)
            self.pushes.append(post_id)

    async def change(self) -> None:
        if self.posts:
            sql = self.dice.choice(
                (
                    "update posts set status = 'deleted' where id = %s",
                    "update posts set status = 'waiting' where id = %s and status = 'published'",
                    "update posts set visibility = 'private' where id = %s",
                )
            )
            await self.run(sql, self.dice.choice(self.posts))

    async def tie(self) -> None:
        who, whom = self.dice.sample(self.members, 2)
        kind = self.dice.choice((TieKind.FOLLOW,) * 6 + (TieKind.BLOCK, TieKind.MUTE, TieKind.MUTE))
        wanted = self.dice.random() < (0.75 if kind is TieKind.FOLLOW else 0.4)
        try:
            # The jobs that it causes are never run: they are no more than a kindness.
            await set_tie(self.parts, who.viewer, kind, whom.viewer.username, wanted=wanted)
        except AccountNotFound:
            return

    async def work(self) -> None:
        self.dice.shuffle(self.pushes)
        for _ in range(self.dice.randrange(len(self.pushes) + 1)):
            await fan_out.fan_out(self.parts, self.pushes.pop())

    async def work_all(self) -> None:
        while self.pushes:
            await fan_out.fan_out(self.parts, self.pushes.pop())

    async def evict(self) -> None:
        keys = [key async for key in self.parts.valkey.client.scan_iter("[ta][lu]:*")]
        if keys:
            await self.parts.valkey.client.delete(self.dice.choice(sorted(keys)))

    async def spoil(self) -> None:
        client, name = self.parts.valkey.client, kept.home_name(self.dice.choice(self.members).viewer.id)
        match self.dice.randrange(5):
            case 0:
                await client.delete(name)
                await client.set(name, b"nonsense")
            case 1 if await client.type(name) == b"zset":
                await client.zadd(name, {b"nonsense": timeline_rules.to_score(_START) + 1, b"x" * 16: 2**52})
            case 2 if await client.type(name) == b"zset":
                await client.zadd(name, {b"another head": -2})
            case 3 if await client.type(name) == b"zset":
                await client.zrem(name, timeline_rules.FLOOR_NAME)
            case _:
                await client.flushdb()

    async def begin(self) -> None:
        """Somebody begins to make a timeline, and is slow about it."""
        account_id = self.dice.choice(self.members).viewer.id
        name, mark = kept.home_name(account_id), timeline_rules.write_mark(f"{self.dice.random()}")
        if await kept.begin_timeline(self.parts.valkey, name, mark):
            self.drafts.append(await timelines_made.draw_home(self.parts, account_id, name, mark))

    async def finish(self) -> None:
        if self.drafts:
            await timelines_made.keep(self.parts, self.drafts.pop(self.dice.randrange(len(self.drafts))))

    async def check(self, reader: Member) -> None:
        n = self.dice.choice((1, 2, 3, 8))
        expected = await timelines.list_plainly(self.parts, reader.viewer.id, Place.last(), 1_000)
        found: list[Place] = []
        while True:
            page, _ = await timelines.list_home(self.parts, reader.viewer.id, found[-1] if found else Place.last(), n)
            assert len(page) <= n
            assert len(found) <= len(expected)
            found += page
            if len(page) < n:
                break
        late = set(self.pushes)
        assert [p for p in found if p.id not in late] == [p for p in expected if p.id not in late], self.done[-12:]
        assert set(found) <= set(expected)
        assert found == sorted(set(found), reverse=True)


@pytest.mark.parametrize("seed", range(3))
async def test_a_home_feed_is_what_plain_sql_says(parts: Parts, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(timeline_rules, "TIMELINE_KEPT", 5)
    dice = random.Random(seed)
    parts = replace(parts, settings=replace(parts.settings, fanout_max=2))
    world = World(parts, dice, [await make_member(parts) for _ in range(5)])
    steps = [
        *(world.post,) * 10,
        *(world.tie,) * 6,
        *(world.work,) * 4,
        *(world.work_all,) * 4,
        *(world.begin, world.finish, world.change) * 2,
        *(world.publish, world.reply, world.evict, world.spoil),
    ]
    was_ready = 0
    for step in range(_STEPS):
        what = dice.choice(steps)
        await what()
        world.done.append(f"{step} {what.__name__}")
        for reader in dice.sample(world.members, 2):
            await world.check(reader)
        was_ready += (await timelines.list_home(parts, dice.choice(world.members).viewer.id, Place.last(), 3))[1]
    await world.work_all()
    for reader in world.members:
        await world.check(reader)
    # Not because it was read from Postgres all the time.
    assert was_ready > _STEPS / 3
