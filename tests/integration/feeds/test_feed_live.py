"""A feed followed live: each reader is told of what they may see, by one look for all of them; streams are bounded and end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventually import eventually
from ments.errors import TooMany
from ments.feeds import live, live_hub
from ments.feeds.live import LiveStream
from ments.feeds.live_hub import Hub
from ments.feeds.live_screen import Screen
from ments.feeds.model import FeedKind
from ments.parts import Parts
from ments.posts import actions, reactions_store
from ments.posts.model import NewPost, Visibility
from ments.posts.reactions import Reaction
from ments.relationships.actions import set_tie
from ments.relationships.model import TieKind
from posting import Member, make_member, open_api


async def write(parts: Parts, member: Member, visibility: Visibility = Visibility.PUBLIC) -> UUID:
    post = await actions.create_post(parts, member.viewer, NewPost("words", visibility=visibility))
    await parts.heard.tell(live_hub.TOPIC, post.id.bytes)
    return post.id


@pytest.fixture
def hub(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that looks when it is told to, as if it had heard all the time."""
    hub = Hub(parts)
    monkeypatch.setattr(hub, "_run", asyncio.Event().wait)
    monkeypatch.setattr(parts.heard, "is_live", True)
    stop = parts.heard.listen(live_hub.TOPIC, hub._hear)
    yield hub
    stop()


def events_of(screen: Screen) -> dict[str, Any]:
    """What is to be told now, {event: data}."""
    blocks = [block.split("\n") for block in screen.take_news().decode().split("\n\n") if block]
    return {name.removeprefix("event: "): json.loads(data.removeprefix("data: ")) for name, data in blocks}


def new_ids(screen: Screen) -> list[str]:
    return [post["id"] for post in events_of(screen).get("new", {}).get("posts", [])]


async def test_each_reader_is_told_of_what_they_may_see(parts: Parts, hub: Hub) -> None:
    author, follower, stranger, muter, blocked, blocker = [await make_member(parts) for _ in range(6)]
    for member in (follower, muter):
        await set_tie(parts, member.viewer, TieKind.FOLLOW, author.viewer.username, wanted=True)
    await set_tie(parts, muter.viewer, TieKind.MUTE, author.viewer.username, wanted=True)
    await set_tie(parts, author.viewer, TieKind.BLOCK, blocked.viewer.username, wanted=True)
    await set_tie(parts, blocker.viewer, TieKind.BLOCK, author.viewer.username, wanted=True)
    screens = {
        (name, kind): Screen(member and member.viewer.id, kind, frozenset())
        for kind in FeedKind
        for name, member in {
            "author": author,
            "follower": follower,
            "stranger": stranger,
            "muter": muter,
            "blocked": blocked,
            "blocker": blocker,
            "visitor": None,
        }.items()
        if member or kind is not FeedKind.FOLLOWING
    }
    for screen in screens.values():
        hub.join(screen)
    await hub.look(counts=False)
    public = str(await write(parts, author))
    followers = str(await write(parts, author, Visibility.FOLLOWERS))
    await write(parts, author, Visibility.PRIVATE)
    await hub.look(counts=True)
    told = {key: new_ids(screen) for key, screen in screens.items()}
    everybody = {"follower", "stranger", "visitor"}
    for (name, kind), ids in told.items():
        if kind is FeedKind.FOLLOWING:
            assert ids == ([followers, public] if name == "follower" else []), (name, kind)
        else:
            assert ids == ([public] if name in everybody else []), (name, kind)
    # Once is enough, also when the word comes again.
    await parts.heard.tell(live_hub.TOPIC, UUID(public).bytes)
    await hub.look(counts=False)
    assert not any(screen.wake.is_set() for screen in screens.values())


async def test_what_was_deleted_or_hidden_before_the_look_is_not_told(parts: Parts, hub: Hub) -> None:
    author, reader = await make_member(parts), await make_member(parts)
    screen = Screen(reader.viewer.id, FeedKind.LATEST, frozenset())
    hub.join(screen)
    await hub.look(counts=False)
    await actions.delete_post(parts, author.viewer, await write(parts, author))
    await write(parts, author)
    await set_tie(parts, author.viewer, TieKind.BLOCK, reader.viewer.username, wanted=True)
    await hub.look(counts=False)
    assert not screen.wake.is_set()


async def test_counts_of_posts_on_the_screen(parts: Parts, hub: Hub) -> None:
    author, reader, hidden = [await make_member(parts) for _ in range(3)]
    seen = await write(parts, author)
    for_followers = await write(parts, author, Visibility.FOLLOWERS)
    theirs = await write(parts, hidden)
    screen = Screen(reader.viewer.id, FeedKind.LATEST, frozenset((seen, for_followers, theirs, uuid4())))
    hub.join(screen)
    await hub.look(counts=True)
    # What the page shows may be old: all is told once.
    assert events_of(screen)["counts"].keys() == {str(seen), str(theirs)}
    await set_tie(parts, hidden.viewer, TieKind.BLOCK, reader.viewer.username, wanted=True)
    async with parts.primary.transaction() as tx:
        for post_id in (seen, for_followers, theirs):
            await reactions_store.set_reaction(tx, Reaction.LIKE, author.viewer.id, post_id, wanted=True)
    await hub.look(counts=True)
    assert events_of(screen) == {"counts": {str(seen): {"likes": 1, "replies": 0, "reposts": 0}}}
    await hub.look(counts=True)
    assert not screen.wake.is_set()


async def test_a_process_that_did_not_hear_looks_for_itself(
    parts: Parts, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    author, reader = await make_member(parts), await make_member(parts)
    before = str((await actions.create_post(parts, author.viewer, NewPost("while the page was on its way"))).id)
    screen = Screen(reader.viewer.id, FeedKind.LATEST, frozenset())
    hub.join(screen)
    await hub.look(counts=False)
    assert new_ids(screen) == [before]
    unheard = str((await actions.create_post(parts, author.viewer, NewPost("nobody said so"))).id)
    await hub.look(counts=False)
    assert new_ids(screen) == []
    monkeypatch.setattr(parts.heard, "is_live", False)
    await hub.look(counts=False)
    assert new_ids(screen) == [unheard]


async def test_twenty_are_told_of(parts: Parts, hub: Hub) -> None:
    author, reader = await make_member(parts), await make_member(parts)
    screen = Screen(reader.viewer.id, FeedKind.LATEST, frozenset())
    hub.join(screen)
    for _ in range(22):
        await write(parts, author)
    await hub.look(counts=False)
    told = events_of(screen)["new"]
    assert (told["count"], told["more"]) == (20, True)
    await write(parts, author)
    await hub.look(counts=False)
    assert not screen.wake.is_set()


class Reader:
    """The other end of a stream, which may stop taking what is sent."""

    def __init__(self) -> None:
        self.text, self.is_over, self.takes = b"", False, asyncio.Event()
        self.takes.set()
        self.left = asyncio.Event()

    async def send(self, message: Any) -> None:
        await self.takes.wait()
        self.text += message.get("body", b"")
        self.is_over = message["type"] == "http.response.body" and not message["more_body"]

    async def receive(self) -> Any:
        await self.left.wait()
        return {"type": "http.disconnect"}


async def test_streams_beat_end_and_are_given_up(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_HEARTBEAT_S": 0.05, "_SEND_S": 0.2, "_PAUSE_S": 0.0}.items():
        monkeypatch.setattr(live, name, value)
    # Their lives are over when the test says so, not while it still looks at them.
    now_s = 0.0
    monkeypatch.setattr(live, "time", SimpleNamespace(monotonic=lambda: now_s))
    monkeypatch.setattr(live_hub, "_TICK_S", 0.02)
    author = await make_member(parts)
    shown = await write(parts, author)
    readers = {name: Reader() for name in ("patient", "slow", "leaving")}
    streams = {name: LiveStream(parts, Screen(None, FeedKind.LATEST, frozenset((shown,))), name) for name in readers}
    async with asyncio.TaskGroup() as group:
        running = {
            name: group.create_task(streams[name]({}, reader.receive, reader.send))  # type: ignore[arg-type,typeddict-item]
            for name, reader in readers.items()
        }
        await eventually(lambda: live._OPEN.total() == 3)
        assert len(live_hub.hub_of(parts).screens) == 3
        readers["slow"].takes.clear()
        readers["leaving"].left.set()
        await eventually(lambda: running["leaving"].done() and running["slow"].done())
        await eventually(lambda: all(told in readers["patient"].text for told in (b": still here", b"event: counts")))
        assert not running["patient"].done()
        assert live._OPEN.total() == 1
        now_s = live._LIFE_S
        await eventually(running["patient"].done)
    assert live._OPEN.total() == 0
    assert parts.heard not in live_hub._HUBS
    # The end is said to those alone who are there to hear it.
    assert [name for name, reader in readers.items() if reader.is_over] == ["patient"]
    assert b"retry: " in readers["patient"].text


async def test_how_many_may_be_open(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_OPEN", type(live._OPEN)({"one": 12}))
    screen = Screen(None, FeedKind.LATEST, frozenset())
    with pytest.raises(TooMany):
        LiveStream(parts, screen, "one").enter()
    LiveStream(parts, screen, "another").enter()
    monkeypatch.setattr(live, "LIVE_STREAMS_MAX", 12)
    with pytest.raises(TooMany):
        LiveStream(parts, screen, "another").enter()


async def test_the_address(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LIFE_S", 0.0)
    async with open_api(parts) as api:
        answer = await api.get("/api/feed/live?kind=latest")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.text.startswith("retry: ")
        assert (await api.get("/api/feed/live?kind=following")).status_code == 401
        assert (await api.get("/api/feed/live?posts=nonsense")).status_code == 422
        many = ",".join(str(uuid4()) for _ in range(51))
        assert (await api.get(f"/api/feed/live?posts={many}")).status_code == 422
