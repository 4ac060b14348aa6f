"""What processes tell each other through Valkey, and that they know when they don't hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from eventually import eventually
from ments.cache import Heard, Valkey
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
