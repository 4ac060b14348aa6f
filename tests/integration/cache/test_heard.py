"""What processes tell each other through Valkey, and that they know when they don't hear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from eventually import eventually
from ments.cache import Heard, Valkey
from ments.cache.heard import HEARD_WITHIN_S
from ments.cache.kept import Kept, tell_changed
from valkey_server import ValkeyServer


@pytest_asyncio.fixture(loop_scope="session")
async def pair(valkey_server: ValkeyServer) -> AsyncIterator[tuple[Heard, Heard]]:
    """Two processes that hear each other."""
    ends = [Valkey(valkey_server.url) for _ in range(2)]
    one, other = (Heard(valkey) for valkey in ends)
    async with one.listening(), other.listening():
        yield one, other
    for valkey in ends:
        await valkey.close()


async def test_what_is_told_is_heard_once_everywhere(pair: tuple[Heard, Heard]) -> None:
    one, other = pair
    heard: dict[str, list[bytes]] = {"one": [], "other": [], "elsewhere": []}
    one.listen("posts", heard["one"].append)
    stop = other.listen("posts", heard["other"].append)
    other.listen("likes", heard["elsewhere"].append)
    await eventually(lambda: one.is_live and other.is_live)
    await eventually(lambda: not one._wanted and not other._wanted)
    for n in range(50):
        # Here at once, there soon.
        await one.tell("posts", b"%d" % n)
        assert heard["one"][-1] == b"%d" % n
    await eventually(lambda: len(heard["other"]) == 50)
    assert heard["other"] == heard["one"] == [b"%d" % n for n in range(50)]
    stop()
    # Asked for later, and heard no more.
    late: list[bytes] = []
    other.listen("late", late.append)
    for _ in range(200):
        await one.tell("late", b"x")
        if late:
            break
        await asyncio.sleep(0.01)
    await one.tell("posts", b"more")
    await one.tell("late", b"y")
    await eventually(lambda: late[-1] == b"y")
    assert len(heard["other"]) == 50
    assert heard["elsewhere"] == []


async def test_a_process_knows_that_it_does_not_hear(pair: tuple[Heard, Heard], valkey_server: ValkeyServer) -> None:
    one, other = pair
    heard: list[bytes] = []
    losses: list[int] = []
    other.listen("posts", heard.append)
    other.on_loss(lambda: losses.append(1))
    await eventually(lambda: one.is_live and other.is_live)
    valkey_server.kill()
    await eventually(lambda: not other.is_live)
    assert losses == [1]
    await one.tell("posts", b"lost")
    valkey_server.start()
    await eventually(lambda: one.is_live and other.is_live)
    for _ in range(100):
        await one.tell("posts", b"again")
        if heard:
            break
        await asyncio.sleep(0.05)
    assert set(heard) == {b"again"}
    # A server that stands still, with the connection open.
    valkey_server.freeze()
    await eventually(lambda: not other.is_live)
    assert losses == [1, 1]
    valkey_server.thaw()
    await eventually(lambda: other.is_live)


async def test_a_listener_that_fails_has_missed_something_and_the_others_have_not(pair: tuple[Heard, Heard]) -> None:
    one, other = pair
    heard: list[bytes] = []
    losses: list[int] = []

    def fail(text: bytes) -> None:
        raise ValueError(text)

    other.listen("posts", fail)
    other.listen("posts", heard.append)
    other.on_loss(lambda: losses.append(1))
    await eventually(lambda: other.is_live and not other._wanted)
    await one.tell("posts", b"first")
    await eventually(lambda: heard == [b"first"])
    assert losses == [1]
    # The subscription itself is whole.
    assert other.is_live
    await one.tell("posts", b"second")
    await eventually(lambda: heard == [b"first", b"second"])


async def test_a_drop_that_could_not_be_told_is_told_later_and_nothing_is_adopted_until_then(
    pair: tuple[Heard, Heard], valkey_server: ValkeyServer
) -> None:
    one, other = pair
    mine, theirs = (Kept[str](heard, keep_s=600, entries_max=10, bytes_max=1000) for heard in pair)
    ann, ben = uuid4(), uuid4()
    await eventually(lambda: one.is_live and other.is_live)
    await eventually(lambda: not one._wanted and not other._wanted)
    for heard in pair:
        heard.live_since = 0.0
    begun = theirs.begin()
    assert theirs.put(begun, "key", ann, "old", 1)
    # Nobody can tell anything for a while, and both go on hearing.
    await one._valkey.client.execute_command("CLIENT", "PAUSE", "2500", "WRITE")
    await tell_changed(one, ann)
    assert one.has_untold
    assert one.is_live
    assert other.is_live
    assert theirs.find("key") == "old"
    late = time.monotonic() + 60
    assert not mine.adopt(late, late + 60, "of ann", ann, "value", 1)
    assert not mine.adopt(late, late + 60, "of ben", ben, "value", 1)
    await eventually(lambda: theirs.find("key") is None)
    await eventually(lambda: not one.has_untold)
    assert one.told_late_at > begun.at
    assert not mine.adopt(one.told_late_at + HEARD_WITHIN_S, late, "of ben", ben, "value", 1)
    assert mine.adopt(late, late + 60, "of ben", ben, "value", 1)
    assert one._telling is None
